"""A stop that hangs or fails is not through: the process must end without it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.service import stopping


@pytest.fixture
def log() -> Any:
    import structlog

    return structlog.get_logger("answerloop")


async def test_a_stop_that_comes_to_its_end_is_through(log: Any) -> None:
    assert await stopping.stopped_in_time(asyncio.sleep(0), log, 1.0)


async def test_one_that_hangs_is_given_up(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "BESIDE_CALLS_SECONDS", 0.02)
    hangs = asyncio.ensure_future(asyncio.sleep(60))
    with capture_logs() as lines:
        assert not await stopping.stopped_in_time(hangs, log, 0.01)
    assert [line["event"] for line in lines] == ["stop_given_up"]
    hangs.cancel()


@pytest.mark.parametrize(
    "error", [RuntimeError("Event loop is closed"), asyncio.CancelledError()], ids=repr
)
async def test_one_that_raises_is_said_and_not_through(log: Any, error: BaseException) -> None:
    async def fails() -> None:
        raise error

    with capture_logs() as lines:
        assert not await stopping.stopped_in_time(fails(), log, 1.0)
    [line] = lines
    assert line["event"] == "stop_failed"
    assert type(error).__name__ in line["reason"]
    assert line["exit_code"] == 4

"""The pace of fetching: one broker is not asked again at once, others and slow answers are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.transports import kafka_pace


class Fetcher:
    """Stands in for aiokafka's: notes which broker was asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Any]] = []
        kafka_pace.keep_pace(self)

    async def _proc_fetch_request(self, _assignment: Any, node_id: int, request: Any) -> bool:
        self.asked.append((node_id, request))
        return True


async def test_a_second_fetch_of_a_broker_waits_and_those_of_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_pace, "PAUSE_SECONDS", 3600.0)
    fetcher = Fetcher()
    assert await fetcher._proc_fetch_request(None, 1, "first")
    assert await fetcher._proc_fetch_request(None, 2, "of another")
    second = asyncio.create_task(fetcher._proc_fetch_request(None, 1, "second"))
    await asyncio.sleep(0)
    assert fetcher.asked == [(1, "first"), (2, "of another")]
    second.cancel()
    assert await second is False  # aiokafka awaits what it cancels: nothing may be raised
    monkeypatch.setattr(kafka_pace, "PAUSE_SECONDS", 0.0)
    assert await fetcher._proc_fetch_request(None, 1, "third")
    assert fetcher.asked[2:] == [(1, "third")]


async def test_a_fetch_that_is_cancelled_while_it_waits_after_an_error_raises_nothing() -> None:
    waits = asyncio.Event()

    class Failing(Fetcher):
        async def _proc_fetch_request(self, *_: Any) -> bool:
            waits.set()
            await asyncio.sleep(3600)  # aiokafka's pause after an error, which it does not guard
            return False

    fetcher = Failing()
    fetch = asyncio.create_task(fetcher._proc_fetch_request(None, 1, "a request"))
    await waits.wait()
    fetch.cancel()
    assert await fetch is False

"""Connections that break, hang or are refused: each ends as its named cause, in its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from app.core.failures import CAUSES
from app.core.strategies import prompt_for
from app.errors import UnavailableError
from app.fake_llm import Step, free_port, unaccepting_port
from tests.adapters.llm.wire import QUESTION, Wire


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("no_reply", "connection_lost"),
        ("half_close", "connection_lost"),
        ("reset", "connection_lost"),
        ("short_body", "connection_lost"),
        ("gzip_bomb", "reply_too_large"),
        ("huge_body", "reply_too_large"),
        ("huge_chunked", "reply_too_large"),
        ("endless_header", "malformed_reply"),
        ("not_http", "malformed_reply"),
    ],
)
async def test_a_broken_connection_ends_as_tabled(wire: Wire, fault: str, cause: str) -> None:
    failure = await wire.outcome(Step(fault=fault))
    assert failure.cause is CAUSES[cause]
    assert await wire.answer(Step(text="still here")) == "still here"


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_call_ends_with_its_time(wire: Wire, fault: str) -> None:
    started = time.monotonic()
    failure = await wire.outcome(Step(fault=fault), timeout_seconds=0.4)
    assert failure.cause is CAUSES["timeout"]
    assert time.monotonic() - started < 3


async def test_a_connection_that_is_not_accepted_ends_with_its_time(wire: Wire) -> None:
    with unaccepting_port() as port:
        failure = await wire.failure(f"127.0.0.1:{port}", 0.4)
    assert failure.cause is CAUSES["timeout"]


async def test_nobody_listening_is_refused(wire: Wire) -> None:
    with free_port() as port:
        failure = await wire.failure(f"127.0.0.1:{port}")
        assert failure.cause is CAUSES["refused"]
        model = wire.open_at(f"127.0.0.1:{port}", 5.0)
        with pytest.raises(UnavailableError, match="refused"):
            await model.check()
        await model.close()


async def test_a_name_that_does_not_resolve_is_refused(wire: Wire) -> None:
    failure = await wire.failure("no-such-host.invalid:80")
    assert failure.cause is CAUSES["refused"]


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def test_a_cancelled_call_is_cancelled_and_lets_go_of_the_connection(wire: Wire) -> None:
    wire.server.script[QUESTION].append(Step(fault="hang"))
    model = wire.open_at(wire.server.host, 30.0)
    call = asyncio.create_task(model.answer(prompt_for(QUESTION, 1)))
    async with asyncio.timeout(10):
        await _until(lambda: wire.server.in_flight == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await _until(lambda: wire.server.in_flight == 0)
    await model.close()

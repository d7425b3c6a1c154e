"""Table recovery outlives a broker that does not answer in time."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from app.transports import close_storage
from tests.transports.harness import EmbeddedBackend, RawSchema, make_app, running, until


async def test_a_seek_that_timed_out_is_tried_again() -> None:
    """Faust's own recovery took the time-out for a stop, and the worker never fetched anything."""
    backend = EmbeddedBackend(f"memory://{uuid.uuid4().hex}")
    await backend.create("in", 1)
    await backend.send("in", 0, b"a")
    app = make_app(
        backend,
        "recovering",
        broker_request_timeout=0.3,
        broker_session_timeout=0.3,
        broker_heartbeat_interval=0.1,
    )
    seen: set[Any] = set()

    @app.agent(app.topic("in", schema=RawSchema()))
    async def note(stream: Any) -> None:
        async for event in stream.events():
            seen.add(event.message.value)

    app.loop = asyncio.get_running_loop()
    app.finalize()
    answer, asked = app.consumer.seek_to_committed, 0

    async def late() -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        return await answer()

    app.consumer.seek_to_committed = late
    async with running(app):
        await until(lambda: seen == {b"a"})
    assert asked == 2
    close_storage(backend.url)

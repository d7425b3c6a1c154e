"""`GET /live`: what happens, as server-sent events, sampled once a second while somebody looks.

One task samples for all who listen, and there is none while nobody does. A client that does not
take its events in time is let go: the pipeline never waits for a browser.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from app.web.replies import error_response
from app.web.safe_headers import add_safe_headers

SAMPLE_SECONDS = 1.0
MAX_CLIENTS = 32
#: Events that a client may be behind before it is let go.
MAX_BEHIND = 8
HEARTBEAT_SECONDS = 15.0
#: A write that the client's window does not take for so long ends its stream.
WRITE_SECONDS = 10.0
#: Samples that are kept for those who come later: a quarter of an hour.
KEPT_SAMPLES = 900
_HEARTBEAT = b": still here\n\n"

Point = Mapping[str, float | None]
State = dict[str, Any]


@dataclass(eq=False, slots=True)
class Client:
    """One listener. `queue` ends with None when the client is to go."""

    every: int
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MAX_BEHIND))
    slow: bool = False


class Live:
    """Broadcasts samples: `read` returns the state shown, `point` a point of the charts from it."""

    def __init__(
        self, read: Callable[[], Awaitable[State]], point: Callable[[State], Point], log: Any
    ) -> None:
        self._read = read
        self._point = point
        self._log = log
        self._clients: set[Client] = set()
        self._points: deque[Point] = deque(maxlen=KEPT_SAMPLES)
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._ticks = 0

    @property
    def listeners(self) -> int:
        return len(self._clients)

    @property
    def sampling(self) -> bool:
        """Whether the task runs that samples."""
        return self._task is not None and not self._task.done()

    async def serve(
        self, request: web.Request, *, every: int, events: int | None
    ) -> web.StreamResponse:
        """Send the charts so far, then a state every `every` seconds, `events` times if given."""
        if len(self._clients) >= MAX_CLIENTS or self._closing:
            return error_response(
                503, "too_many_listeners", f"{MAX_CLIENTS} pages are open", Retry_After="5"
            )
        client = Client(every)
        self._clients.add(client)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        add_safe_headers(response)
        try:
            with suppress(ConnectionError, TimeoutError):  # gone, or too slow: it asks again
                await response.prepare(request)
                first = encode("history", columns(self._points))
                await _write(response, first + encode("state", await self._read()))
                if not self.sampling:
                    self._task = asyncio.create_task(self._run())
                await self._feed(client, response, None if events is None else events - 1)
            return response
        finally:
            self._clients.discard(client)

    async def close(self, _: Any = None) -> None:
        """End every stream, and the task. No client is served any more."""
        self._closing = True
        for client in list(self._clients):
            _dismiss(client)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _feed(self, client: Client, response: web.StreamResponse, left: int | None) -> None:
        while left is None or left > 0:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    event = await client.queue.get()
            except TimeoutError:
                event = _HEARTBEAT
            if event is None:
                return
            await _write(response, event)
            if left is not None and event is not _HEARTBEAT:
                left -= 1

    async def _run(self) -> None:
        """Sample and send while somebody listens."""
        next_at = time.monotonic() + SAMPLE_SECONDS
        while self._clients:
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            next_at = max(next_at + SAMPLE_SECONDS, time.monotonic())
            self._ticks += 1
            try:
                state = await self._read()
                point = self._point(state)
            except Exception as error:  # noqa: BLE001 (one bad sample ends no stream)
                self._log.error("sample_failed", error=repr(error))
                continue
            self._points.append(point)
            event = encode("state", state | {"point": point})
            for client in list(self._clients):
                if self._ticks % client.every == 0:
                    self._give(client, event)

    def _give(self, client: Client, event: bytes) -> None:
        try:
            client.queue.put_nowait(event)
        except asyncio.QueueFull:
            client.slow = True
            self._log.info("listener_too_slow", behind=MAX_BEHIND)
            _dismiss(client)
            self._clients.discard(client)


def encode(event: str, value: Any) -> bytes:
    """Return one server-sent event; JSON has no line breaks."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"


def columns(points: deque[Point]) -> dict[str, list[float | None]]:
    """Return points as columns."""
    names = points[-1].keys() if points else ()
    return {name: [point[name] for point in points] for name in names}


async def _write(response: web.StreamResponse, event: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(event)


def _dismiss(client: Client) -> None:
    """Tell a client to go; what it has not taken is lost."""
    while not client.queue.empty():
        client.queue.get_nowait()
    client.queue.put_nowait(None)

"""A producer that knows which buffered writes the broker has not confirmed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faust.transport.base import Producer as _Driver
else:
    _Driver = object


class StrictProducer(_Driver):
    """Mix-in for a driver's producer.

    Faust buffers table changelog writes and gives up waiting for them after 0.1 s; a commit that
    overtakes them loses the table write when the process is killed. `StrictConsumer` waits for
    `confirmed()` before it commits.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unconfirmed: set[asyncio.Future[Any]] = set()
        self._lost: BaseException | None = None

    def send_soon(self, fut: Any) -> None:
        self._unconfirmed.add(fut)
        fut.add_done_callback(self._settled)
        super().send_soon(fut)

    def _settled(self, fut: asyncio.Future[Any]) -> None:
        self._unconfirmed.discard(fut)
        if fut.cancelled():
            self._lost = asyncio.CancelledError("a buffered write was cancelled")
        elif (error := fut.exception()) is not None:
            self._lost = error

    async def confirmed(self) -> BaseException | None:
        """Wait for every write buffered so far; the error of any that was ever lost."""
        if waiting := list(self._unconfirmed):
            await self.flush()
            await asyncio.wait(waiting)
        return self._lost

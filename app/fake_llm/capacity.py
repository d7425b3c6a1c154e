"""How a server answers more calls than it can: it lets them wait in a queue, or sheds them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


class QueueFull(Exception):
    """All slots are taken and the queue is full: 503."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`slots` calls are answered at a time (None: any number), `queue` may wait (None: any number).

    With slots and no bound on the queue it is a loaded Ollama, which never says 503.
    """

    slots: int | None = None
    queue: int | None = None


UNLIMITED = Limits()


class Capacity:
    """Slots, taken in the order of arrival. `limits` may change at any time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limits(self) -> Limits:
        """What is in force."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        if limits != self._limits:
            self._limits = limits
            self._admit()

    @property
    def waiting(self) -> int:
        """How many calls wait for a slot."""
        return sum(not each.done() for each in self._waiting)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot. Raises QueueFull."""
        await self._take()
        try:
            yield
        finally:
            self._taken -= 1
            self._admit()

    async def _take(self) -> None:
        if self._free() and not self.waiting:
            self._taken += 1
            return
        queue = self._limits.queue
        if queue is not None and self.waiting >= queue:
            raise QueueFull
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the slot came with the cancellation
                self._taken -= 1
                self._admit()
            raise

    def _free(self) -> bool:
        return self._limits.slots is None or self._taken < self._limits.slots

    def _admit(self) -> None:
        while self._waiting and self._free():
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

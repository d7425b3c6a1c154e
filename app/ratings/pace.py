"""A token clock: how many events may go now, so that the average rate is exact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

#: Tokens are given out about this often.
TICK_SECONDS = 0.005


class Pace:
    """Gives `per_second` tokens a second, counted from the first: no drift, whatever is slow.

    What was missed (a log that stood still) is made up as fast as it goes. None: as many as wanted.
    """

    def __init__(
        self,
        per_second: float | None,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if per_second is not None and per_second <= 0:
            raise ValueError("the rate must be above 0")
        self._per_second = per_second
        self._now, self._sleep = now, sleep
        self._started: float | None = None
        self._given = 0

    async def take(self, most: int) -> int:
        """Wait until some tokens are due, and return how many: 1 to `most`."""
        if self._per_second is None:
            await self._sleep(0)
            return most
        if self._started is None:
            self._started = self._now()
        wanted = min(most, max(1, int(self._per_second * TICK_SECONDS)))
        # The n-th token is due at (n - 1) / rate.
        wait = self._started + (self._given + wanted - 1) / self._per_second - self._now()
        await self._sleep(max(0.0, wait))
        due = int((self._now() - self._started) * self._per_second) + 1 - self._given
        count = min(most, max(wanted, due))
        self._given += count
        return count

"""The bound of intake: how many questions are in progress, asked at most once a second."""

from __future__ import annotations

import asyncio
import time

from agents.context import Context
from app.core.backlog import ComeBack, Drain
from app.errors import StoreUnavailable

READ_SECONDS = 1.0


class Backlog:
    """Counts the questions in progress: in the database each second, in between by itself.

    At 100 questions/s that is one short count a second, not a hundred, and still not one too many:
    a count does not know those that were let in and are not stored yet, so they are added. With
    several workers each may let in what the others did since its last count.
    """

    def __init__(self, context: Context, limit: int) -> None:
        self._context = context
        self._limit = limit
        self._read_at = -READ_SECONDS
        self._counted = asyncio.Event()
        self._size = 0
        self._let_in = 0
        self._in_hand = 0
        self._drain = Drain()
        self._come_back = ComeBack()

    async def full(self, places: int = 1) -> bool:
        """Tell whether there is no place for so many questions; when there is, it counts as taken.

        Call `stored` once the questions that were let in are stored, or failed to be.
        """
        if time.monotonic() - self._read_at >= READ_SECONDS:
            self._read_at = time.monotonic()
            try:
                await self._count()
            finally:
                self._counted.set()
        await self._counted.wait()  # for the first count: the database may be full already
        if self._size + places > self._limit:
            return True
        self._size += places
        self._let_in += places
        self._in_hand += places
        return False

    def stored(self, places: int = 1) -> None:
        """Note that questions which were let in are where the next count finds them."""
        self._in_hand -= places

    async def _count(self) -> None:
        settled = sum(self._context.metrics.labelled("questions_settled").values())
        self._drain.note(self._read_at, settled)
        unseen, before = self._in_hand, self._let_in
        try:
            count = await self._context.ports.store.backlog(self._limit + self._margin)
        except StoreUnavailable:
            self._context.metrics.count("db_errors")
        else:
            self._size = count + unseen + self._let_in - before

    @property
    def _margin(self) -> int:
        """How far beyond the limit is counted, to tell how long it takes to come below it."""
        return max(10, self._limit // 10)

    def retry_after(self, places: int = 1) -> int:
        """Return after how many seconds there is likely to be room for one who is refused now.

        By the rate at which questions end in this process: with several workers it is sooner.
        """
        excess = self._size - self._limit + places
        return self._come_back.after(time.monotonic(), excess, self._drain.per_second())

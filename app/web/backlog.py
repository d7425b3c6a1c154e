"""The bound of intake: how many questions are in progress, asked at most once a second."""

from __future__ import annotations

import time

from agents.context import Context
from app.core.backlog import ComeBack, Drain
from app.errors import StoreUnavailable

READ_SECONDS = 1.0


class Backlog:
    """Counts the questions in progress: in the database each second, in between by itself.

    At 100 questions/s that is one short count a second, not a hundred, and still not 100 too many.
    """

    def __init__(self, context: Context, limit: int) -> None:
        self._context = context
        self._limit = limit
        self._read_at = -READ_SECONDS
        self._size = 0
        self._drain = Drain()
        self._come_back = ComeBack()

    async def full(self) -> bool:
        """Tell whether there is no place for a question; when there is, it counts as taken."""
        now = time.monotonic()
        if now - self._read_at >= READ_SECONDS:
            self._read_at = now
            self._drain.note(now, sum(self._context.metrics.labelled("questions_settled").values()))
            try:
                self._size = await self._context.ports.store.backlog(self._limit + self._margin)
            except StoreUnavailable:
                self._context.metrics.count("db_errors")
        if self._size >= self._limit:
            return True
        self._size += 1
        return False

    @property
    def _margin(self) -> int:
        """How far beyond the limit is counted, to tell how long it takes to come below it."""
        return max(10, self._limit // 10)

    def retry_after(self) -> int:
        """Return after how many seconds a place is likely to be free for one who is refused now.

        By the rate at which questions end in this process: with several workers it is sooner.
        """
        excess = self._size - self._limit + 1
        return self._come_back.after(time.monotonic(), excess, self._drain.per_second())

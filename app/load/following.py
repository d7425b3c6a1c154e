"""Following accepted questions to their ends, at little cost to the service.

The service says when a question ended, so it need not be asked at that moment: pages of the newest
questions (`GET /questions`, 500 in one, by an index) are read one after the other, with a rest
of RESTS times the request's own time between them. However many are followed, at most 1 / RESTS of
the time goes into it, no connection is held, and the ends are as exact as the service's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.core.lifecycle import Status
from app.errors import UnavailableError
from app.load.clocks import ClockOffset
from app.load.generator import Taken
from app.load.results import Results
from app.load.target import Page, Row

RESTS = 20
#: From the beginning of a sweep over the pages to that of the next one, at least.
SWEEP_SECONDS = 1.0
#: After a page that could not be read, and the longest rest.
_PAUSE_SECONDS, _LONGEST_REST = 2.0, 10.0
#: More than these are not followed; they are counted.
MOST_FOLLOWED = 200_000
MOST_IN_PAGE = 500
#: Pages in which none of ours is, and no clock was compared yet: then the sweep is given up.
_PAGES_WITHOUT_CLOCK = 20
#: Questions older than the oldest followed one by this are not looked for.
_MARGIN_SECONDS = 2.0
_FINAL = frozenset(str(status) for status in Status if status.final)


class Pages(Protocol):
    async def page(self, limit: int, cursor: str | None) -> Page:
        """Return questions by the time of their acceptance, the newest first.

        Raises UnavailableError.
        """
        ...


class _Waiting(NamedTuple):
    due: float
    began: float
    replied: float
    repeat: bool


class Follower:
    """Looks at the followed questions until `close`. Times are seconds since the start.

    `start_unix` is that start by this machine's clock; `now` tells the seconds since then.
    """

    def __init__(
        self, pages: Pages, results: Results, start_unix: float, now: Callable[[], float]
    ) -> None:
        self._pages, self._results = pages, results
        self._start_unix, self._now = start_unix, now
        self._waiting: dict[str, list[_Waiting]] = {}
        self._count = 0
        self._rest = 0.05
        self.clocks = ClockOffset()
        self.looks = 0
        """Pages read."""
        self.look_seconds = 0.0
        self.troubles = 0
        """Pages that could not be read."""

    @property
    def waiting(self) -> int:
        """Return how many followed requests have not ended as far as is known."""
        return self._count

    def accepted(self, taken: Taken) -> None:
        """Follow a request; one that came back with its result has ended already."""
        outcome = taken.outcome
        if outcome.state is not None:
            self._results.followed += 1
            self._results.settles(taken.due, taken.replied, outcome.state)
        elif outcome.question_id is not None and self._count < MOST_FOLLOWED:
            self._results.followed += 1
            self._count += 1
            waiting = _Waiting(taken.due, taken.began, taken.replied, taken.repeat)
            self._waiting.setdefault(outcome.question_id, []).append(waiting)
        else:
            self._results.unfollowed += 1

    async def run(self) -> None:
        """Sweep again and again, for ever."""
        while True:
            began = self._now()
            if self._waiting:
                await self._sweep()
            await asyncio.sleep(max(self._rest, SWEEP_SECONDS - (self._now() - began)))

    def close(self) -> None:
        """Count those whose end is not waited for any longer."""
        for several in self._waiting.values():
            for each in several:
                self._results.never_settled(each.due)

    async def _sweep(self) -> None:
        """Read pages back to the oldest followed question."""
        wanted = set(self._waiting)
        oldest = min(several[0].began for several in self._waiting.values())
        cursor: str | None = None
        pages = 0
        while wanted:
            began = self._now()
            try:
                page = await self._pages.page(min(MOST_IN_PAGE, len(wanted) + 50), cursor)
            except UnavailableError:
                self.troubles += 1
                self._rest = _PAUSE_SECONDS
                return
            spent = self._now() - began
            self._rest = min(_LONGEST_REST, max(0.05, RESTS * spent))
            pages += 1
            self.looks += 1
            self.look_seconds += spent
            for row in page.questions:
                wanted.discard(row.question_id)
                self._look_at(row)
            cursor = page.cursor
            if cursor is None or self._is_past(page, oldest, pages):
                return
            if wanted:
                await asyncio.sleep(self._rest)

    def _is_past(self, page: Page, oldest: float, pages: int) -> bool:
        if not self.clocks.known:
            return pages >= _PAGES_WITHOUT_CLOCK
        last = page.questions[-1].accepted_at.timestamp() - self.clocks.seconds
        return last < self._start_unix + oldest - self.clocks.spread - _MARGIN_SECONDS

    def _look_at(self, row: Row) -> None:
        several = self._waiting.get(row.question_id)
        if several is None:
            return
        for each in several:
            if not each.repeat:  # else it was accepted long before
                ours = self._start_unix
                at = row.accepted_at.timestamp()
                self.clocks.note(at, ours + each.began, ours + each.replied)
        if row.status not in _FINAL or row.finished_at is None:
            return
        ended = row.finished_at.timestamp() - self.clocks.seconds - self._start_unix
        for each in several:
            self._results.settles(each.due, max(ended, each.began), row.status)
        self._count -= len(several)
        del self._waiting[row.question_id]

"""The port of what people look at: what is in progress, what waits, what a text is found in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.lifecycle import Status, Turn
from app.core.questions import StoredQuestion

#: Questions that one search looks at: what it takes is bounded, however many there are.
LOOK_AT = 10_000


@dataclass(frozen=True, slots=True)
class WaitGroup:
    """The questions that wait for one cause; `next_due_at` in Unix seconds."""

    cause: str
    questions: int
    next_due_at: float


@dataclass(frozen=True, slots=True)
class InProgress:
    """The questions without an end: how many in each state, since when the oldest, what for."""

    counts: Mapping[Status, int]
    oldest_at: float | None
    waits: tuple[WaitGroup, ...]


@dataclass(frozen=True, slots=True)
class WaitPage:
    """Waiting questions, soonest due first; `cursor` asks for the next page, None at the end."""

    questions: tuple[StoredQuestion, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Questions in which a text was found, newest first.

    `searched_to` is the time of acceptance down to which was searched, in Unix seconds; None: to
    the oldest. `cursor` goes on from there, also where nothing was found so far.
    """

    questions: tuple[StoredQuestion, ...]
    cursor: str | None
    searched_to: float | None


@dataclass(frozen=True, slots=True)
class LedgerDetail:
    """What the ledger knows of a call beside its `Attempt`."""

    turn: Turn
    detail: str | None = None
    http_status: int | None = None
    retry_after_seconds: float | None = None
    finish_reason: str | None = None


class ViewStore(Protocol):
    """Reads for people, each bounded. Every method raises StoreUnavailable."""

    async def in_progress(self) -> InProgress:
        """Return what has not ended; `waits` by cause, in order."""
        ...

    async def due_counts(self, edges: Sequence[float], cause: str | None = None) -> list[int]:
        """Return how many waits are due before the first edge, between edges, and from the last on.

        `edges` are Unix seconds, ascending, one at least: n edges make n + 1 counts.
        """
        ...

    async def waits(
        self, *, cause: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> WaitPage:
        """Return waiting questions without attempts. Raises InputError on a bad cursor."""
        ...

    async def search(
        self,
        text: str,
        *,
        status: Status | None = None,
        limit: int = 50,
        cursor: str | None = None,
        look_at: int = LOOK_AT,
    ) -> FoundPage:
        """Return questions that hold `text`, in question, reference or answer, or begin their id.

        Case does not matter. At most `look_at` questions are looked at. Raises InputError on a bad
        cursor.
        """
        ...

    async def ledger_details(self, question_id: str) -> list[LedgerDetail]:
        """Return what is known of each call of a question, by turn."""
        ...

"""The port of the dead letters: reading, redriving and purging them. Part of `AnswerStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from app.core.lifecycle import Turn
from app.core.questions import StoredQuestion
from app.core.redrive import AsBytes, AsQuestion, Decision, LetterFilter, Mark, Origin


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A message that could not go on, with its origin and original bytes.

    `size` is the length of `value`, also where the bytes themselves were not read.
    """

    origin_topic: str
    origin_partition: int
    origin_offset: int
    cause: str
    detail: str
    first_seen_at: float
    dead_at: float
    attempts: int = 0
    question_id: str | None = None
    turn: Turn | None = None
    key: bytes | None = None
    value: bytes | None = None
    mark: Mark | None = None
    size: int | None = field(default=None, compare=False)
    trace_context: str | None = None
    """Where the trace of what died ended, as in `Accepted`."""

    @property
    def origin(self) -> Origin:
        return Origin(self.origin_topic, self.origin_partition, self.origin_offset)

    @property
    def position(self) -> LetterPosition:
        return LetterPosition(self.dead_at, *self.origin)


class LetterPosition(NamedTuple):
    """A place in the order of dead letters: by time of death, then by origin."""

    dead_at: float
    topic: str
    partition: int
    offset: int


class LetterCount(NamedTuple):
    """How many letters of a cause and topic there are; `state` is open, redriving or redriven."""

    cause: str
    topic: str
    state: str
    letters: int


@dataclass(frozen=True, slots=True)
class LetterWish:
    """What a redrive means to do with a letter, decided on what it read.

    `question` is the row of the new round that begins with the claim, None for bytes.
    """

    origin: Origin
    decision: AsQuestion | AsBytes
    question: StoredQuestion | None = None


@dataclass(frozen=True, slots=True)
class RedriveRecord:
    """One redrive as it is kept. `redrive_id` 0 is one that is not stored yet."""

    started_at: float
    by_whom: str
    filter: Mapping[str, Any]
    planned: int
    transform: str | None = None
    redrive_id: int = 0
    last_at: float = 0.0
    sent: int = 0
    refused: int = 0
    failed: int = 0


class DeadLetterStore(Protocol):
    """Dead letters and redrives. Every method raises StoreUnavailable."""

    async def dead_letters(
        self,
        wanted: LetterFilter | None = None,
        *,
        after: LetterPosition | None = None,
        limit: int = 100,
        newest_first: bool = False,
        with_bytes: bool = True,
    ) -> list[DeadLetterRow]:
        """Return letters (None: all) by `LetterPosition`, from `after` on (itself not included).

        Without bytes `key` and `value` are None, whatever the message has.
        """
        ...

    async def dead_letters_by_origin(self, origins: Sequence[Origin]) -> list[DeadLetterRow]:
        """Return the known ones among the origins, in any order."""
        ...

    async def dead_letter_counts(self, wanted: LetterFilter) -> list[LetterCount]:
        """Return how many letters fit, by cause, topic and state, in this order."""
        ...

    async def purge_dead_letters(self, wanted: LetterFilter) -> int:
        """Forget letters for good; return how many. One that a redrive has in hand stays."""
        ...

    async def begin_redrive(self, record: RedriveRecord) -> int:
        """Keep the record of a redrive; return its id."""
        ...

    async def claim_dead_letters(
        self, redrive_id: int, wishes: Sequence[LetterWish], now: float
    ) -> dict[Origin, Decision]:
        """Take letters in hand, each where `decide` still says what was wished, in one transaction.

        Whoever gets back what he wished has the letter until its lease is over: its question stands
        in its new round, and what is sent of it must be that. `Arrived` is marked as sent. Where
        something changed since, the answer is a refusal.
        """
        ...

    async def dead_letters_sent(
        self, redrive_id: int, origins: Sequence[Origin], now: float, *, refused: int, failed: int
    ) -> int:
        """Mark letters as sent and add to the figures of the redrive, in one transaction.

        Returns how many were marked now: what was marked before is not counted again.
        """
        ...

    async def redrives(self, limit: int = 50, *, only: int | None = None) -> list[RedriveRecord]:
        """Return redrives, the latest first; `only` the one with that id."""
        ...

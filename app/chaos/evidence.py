"""What the auditor looks at, gathered from four witnesses that know nothing of each other.

The client's ledger says what was accepted, the database what is stored, the topics what was said
and what is left to read, the fake model which calls were made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from app.chaos.ledger import AcceptedQuestion


class CallId(NamedTuple):
    """One model call as the ledger of calls knows it."""

    question_id: str
    round: int
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of table `questions`."""

    question_id: str
    status: str
    round: int
    question_text: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A row of table `attempts`. Times are Unix seconds; `verdict` is None when it has none."""

    call: CallId
    outcome: str | None
    started_at: float
    cause: str | None = None
    failed_at: float | None = None
    retry_after_seconds: float | None = None
    verdict: str | None = None
    http_status: int | None = None

    @property
    def refused(self) -> bool:
        """Whether the model's server said no: nothing was computed."""
        return self.http_status is not None and self.http_status >= 400


@dataclass(frozen=True, slots=True)
class SaidEnd:
    """A message that ends a question, or judges an attempt (`final` false), on its topic."""

    call: CallId
    status: str
    answer: str | None
    final: bool


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call as the model saw it: the prompt, and the seed that tells the generation.

    `refused`: it was answered with an error status, so nothing was computed.
    """

    text: str
    seed: int | None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Waits:
    """The least waits in force, jitter taken off. Seconds."""

    overload_base: float = 5.0
    overload_max: float = 300.0
    quota: float = 60.0
    jitter: float = 0.2


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found.

    `lag` has what a topic's partition holds beyond the committed offset, `offered` the keys of all
    questions that were posted, also of those that a worker refused: such a one may be on the log.
    """

    accepted: list[AcceptedQuestion]
    rows: list[StoredRow]
    stored_calls: list[StoredCall]
    said: list[SaidEnd]
    model_calls: list[ModelCall]
    lag: dict[str, int] = field(default_factory=dict)
    waits: Waits = Waits()
    letters_stored: int = 0
    offered: frozenset[str] = frozenset()

"""What the store is told, and what it tells: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion


@dataclass(frozen=True, slots=True)
class Accepted:
    """A question that was taken in: state `accepted`, unless something later is known."""

    question_id: str
    question_text: str
    original_answer: str | None
    model: str
    turn: Turn
    accepted_at: float
    metadata: Mapping[str, Any] = field(default_factory=dict)
    trace_context: str | None = None
    """Where its trace goes on: `traceparent`, and after a blank `tracestate`."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for its retry: state `waiting` until `due_at` (Unix seconds)."""

    question_id: str
    turn: Turn
    due_at: float
    cause: str


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The answer of a call, as the ledger keeps it."""

    text: str
    seconds: float
    tokens: int | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CallFailure:
    """The failure of a call, as the ledger keeps it."""

    cause: str
    detail: str
    seconds: float
    failed_at: float
    status: int | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The call is the caller's: make it, and record what came."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else is making the call and renewed the claim not long ago."""

    owner: str


@dataclass(frozen=True, slots=True)
class Over:
    """The question's round has ended, or a later one has begun, without this call: make none."""


#: What a claim finds: mine to make, somebody's, already answered or failed, or not wanted any more.
Claim = Claimed | Busy | Over | CallAnswer | CallFailure


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who wants to make a call, and how it is asked: `strategy` is a name."""

    call: CallKey
    owner: str
    lease_seconds: float
    model: str
    now: float
    waited_seconds: float = 0.0
    deadline_at: float | None = None
    """When the question's round must have ended, in Unix seconds; None: never."""
    strategy: str | None = None
    temperature: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The verdict of one call's answer, made once: a replay reuses it.

    `status` is validated, low_quality or unscored; `score` is None without a reference, and then
    there is nothing it was judged by. `gate` is where metric and threshold came from: `settings`,
    `profile minilm-l6`; `library` whose figures these are: `bert-score 0.3.13`.
    """

    status: Status
    score: Score | None
    threshold: float | None
    metric: str | None
    scorer: str | None
    why: str
    library: str | None = None
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a question (or of one round of it).

    `why`: the verdict's clause, or the detail of its dead letter.
    """

    question_id: str
    turn: Turn
    status: Status
    question_text: str
    original_answer: str | None
    model: str
    accepted_at: float
    finished_at: float
    answer: str | None = None
    score: Score | None = None
    threshold: float | None = None
    metric: str | None = None
    gate: str | None = None
    scorer: str | None = None
    library: str | None = None
    cause: str | None = None
    why: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of questions, newest first; `cursor` asks for the next, None at the end."""

    questions: tuple[StoredQuestion, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """What a sweep takes for overdue, in seconds."""

    grace_seconds: float = 60.0
    """How long after its deadline a question is left to the stages."""
    lost_seconds: float = 8 * 86_400.0
    """After this a question that has not ended is on no topic any more: they keep 7 days."""
    again_seconds: float = 300.0
    """How long after a sweep took a question past its deadline another one may."""
    batch: int = 200
    """Questions that one sweep takes at most."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A question that should have ended, with its attempts; `deadline_at` None: it has none."""

    question: StoredQuestion
    deadline_at: float | None

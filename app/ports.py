"""The ports: what the stages need of the outside world. Agents see only these, never adapters.

Every port has an in-memory twin in `app/adapters` and one contract suite in `tests/adapters` that
runs on the twin and on the real thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.costs import Costs
from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion
from app.core.strategies import Prompt
from app.letter_ports import DeadLetterRow as DeadLetterRow  # noqa: PLC0414 (exported)
from app.letter_ports import DeadLetterStore


class Clock(Protocol):
    """Wall clock time."""

    def now(self) -> float:
        """Return Unix seconds."""
        ...


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model said. `finish_reason` is the server's word (`stop`, `length`, ...).

    `tokens` are those of the answer, `prompt_tokens` those that were read; None: not told.
    """

    text: str
    model: str
    seconds: float
    tokens: int | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None


class LanguageModel(Protocol):
    """A language model behind some protocol. One call is one try: no retries inside."""

    @property
    def model(self) -> str:
        """The model's name as the server knows it; part of a question's identity."""
        ...

    @property
    def where(self) -> str:
        """The server for people, without secrets: `ollama at host:11434`, `bundled`."""
        ...

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises LlmFailed (one of its three kinds) and nothing else."""
        ...

    async def check(self) -> str:
        """Return a short detail when the model can be asked; raises UnavailableError."""
        ...

    async def close(self) -> None: ...


class Scorer(Protocol):
    """BERTScore of (candidate, reference) pairs."""

    @property
    def name(self) -> str:
        """Model, layer and rescaling in one word, e.g. `minilm-l6:6` : stored beside each score."""
        ...

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """Score (candidate, reference) pairs, in order.

        Calls that arrive together are scored in one batch, off the event loop. Raises
        ScorerUnavailable (try again later) or ScoreFailure (this input has no score).
        """
        ...

    async def check(self) -> str:
        """Return a short detail when scores can be had; raises ScorerUnavailable."""
        ...

    async def close(self) -> None: ...


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


#: What a claim finds: mine to make, somebody's, or already answered or failed.
Claim = Claimed | Busy | CallAnswer | CallFailure


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who wants to make a call."""

    call: CallKey
    owner: str
    lease_seconds: float
    model: str
    now: float
    waited_seconds: float = 0.0
    deadline_at: float | None = None
    """When the question's round must have ended, in Unix seconds; None: never."""


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The verdict of one call's answer, made once: a replay reuses it.

    `status` is validated, low_quality or unscored; `score` is None without a reference.
    """

    status: Status
    score: Score | None
    threshold: float | None
    metric: str | None
    scorer: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a question (or of one round of it)."""

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
    scorer: str | None = None
    cause: str | None = None
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


class AnswerStore(DeadLetterStore, Protocol):
    """Questions, the ledger of model calls, verdicts and dead letters.

    Every write is idempotent and ordered by `lifecycle.supersedes`: repeating it, or doing it late,
    changes nothing. Every method raises StoreUnavailable when the database can't be reached.
    """

    async def accept(self, questions: Sequence[Accepted]) -> set[str]:
        """Store questions as accepted; return the ids that are final in this or a later round."""
        ...

    async def claim(self, request: ClaimRequest) -> Claim:
        """Claim a call, or learn what became of it. A claim whose lease ran out is free again.

        The owner's own unfinished claim is Busy too: one flight for each call. Marks the question
        `asking`.
        """
        ...

    async def renew(self, owner: str, lease_seconds: float, now: float) -> int:
        """Extend the owner's unfinished claims; return how many there are."""
        ...

    async def unclaim(self, call: CallKey, owner: str, *, made: bool = False) -> None:
        """Give up a claim whose call was not made or did not end: the next one may make it.

        With `made` the call had begun: it may have been paid, so its start stays counted.
        """
        ...

    async def record_answer(self, call: CallKey, owner: str, answer: CallAnswer) -> bool:
        """Keep an answer. False when an answer or failure is there already (it stays)."""
        ...

    async def record_failure(self, call: CallKey, owner: str, failure: CallFailure) -> bool:
        """Keep a failure. False when an answer or failure is there already (it stays).

        False as well while somebody else holds the claim: a failure of the past does not end the
        call that is being made now.
        """
        ...

    async def verdict(self, call: CallKey) -> StoredVerdict | None:
        """Return the verdict of a call's answer, if it was judged."""
        ...

    async def record_verdict(self, call: CallKey, verdict: StoredVerdict) -> StoredVerdict:
        """Keep a verdict and return the one in force: the first that was stored."""
        ...

    async def waiting(self, waits: Sequence[Waiting]) -> set[str]:
        """Mark questions as waiting; return those for whom there is nothing left to wait.

        These have ended in the round of their wait, or are in a later round already.
        """
        ...

    async def finish(
        self, endings: Sequence[Ending], dead_letters: Sequence[DeadLetterRow] = ()
    ) -> None:
        """Store ends and dead letters in one transaction.

        A dead letter is known by its origin, and kept once for each death: the same question, turn
        and cause from another message (a replayed failure) adds nothing.
        """
        ...

    async def costs(self, question_ids: Sequence[str] | None = None) -> dict[str, Costs]:
        """Return what the calls of these questions cost, or of all, by model (as in the ledger)."""
        ...

    async def question(self, question_id: str) -> StoredQuestion | None:
        """Return a question with all its attempts."""
        ...

    async def questions_by_id(self, question_ids: Sequence[str]) -> list[StoredQuestion]:
        """Return the known ones among the ids with all their attempts, in any order."""
        ...

    async def statuses(self, question_ids: Sequence[str]) -> dict[str, tuple[Status, Turn]]:
        """Return (status, turn) of the known ones among the ids."""
        ...

    async def questions(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Return a page of questions without their attempts. Raises InputError on a bad cursor."""
        ...

    async def backlog(self, at_most: int) -> int:
        """Return the number of questions without an end, counted up to `at_most`."""
        ...

    async def take_overdue(self, now: float, limits: SweepLimits) -> list[Overdue]:
        """Return questions without an end that are past their deadline, or lost.

        Each is returned to one caller, and not again for `again_seconds` (lost ones:
        `lost_seconds`); a later round has its own deadline. In any order.
        """
        ...

    async def counts(self) -> dict[Status, int]:
        """Return the number of questions by status (only those that occur)."""
        ...

    async def check(self) -> str:
        """Return a short detail when the database answers; raises StoreUnavailable."""
        ...

    async def close(self) -> None: ...


class AnswerCache(Protocol):
    """Final questions by id, as UTF-8 JSON. May forget; raises CacheUnavailable, quickly."""

    async def get(self, question_id: str) -> bytes | None: ...

    async def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries (question id -> JSON)."""
        ...

    async def forget(self, question_ids: Sequence[str]) -> None: ...

    async def check(self) -> str: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of one engine."""

    model: LanguageModel
    scorer: Scorer
    store: AnswerStore
    cache: AnswerCache
    clock: Clock

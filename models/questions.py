"""Records of the question pipeline, one for each kind of message.

Bounds in the annotations are wide wire bounds, checked on every topic by `app.wire`; the limits
that are settings live in `app/core`. Times are Unix seconds. Every record of a question carries
its text and its turn (round, generation, attempt), so that each message can be understood,
dead-lettered and asked again on its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional

import faust
from msgspec import Meta

from app.core.gate import LOWEST, Score
from app.core.lifecycle import Turn
from app.core.questions import CallKey

#: No NUL: PostgreSQL text can't hold one.
_NO_NUL = r"\A[^\x00]*\Z"

MAX_QUESTION_CHARACTERS = 32_000
MAX_ANSWER_CHARACTERS = 65_536

QuestionId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[\x21-\x7e]+\Z")]
QuestionText = Annotated[
    str, Meta(min_length=1, max_length=MAX_QUESTION_CHARACTERS, pattern=_NO_NUL)
]
ReferenceText = Annotated[str, Meta(max_length=MAX_QUESTION_CHARACTERS, pattern=_NO_NUL)]
AnswerText = Annotated[str, Meta(max_length=MAX_ANSWER_CHARACTERS, pattern=_NO_NUL)]
Name = Annotated[str, Meta(max_length=256, pattern=_NO_NUL)]
#: What rejected an answer, by name: no words of a guard, no figures.
Reason = Annotated[str, Meta(max_length=64, pattern=r"\A[a-z_]+\Z")]
Detail = Annotated[str, Meta(max_length=4_000, pattern=_NO_NUL)]
Count = Annotated[int, Meta(ge=0, le=10_000)]
Ordinal = Annotated[int, Meta(ge=1, le=10_000)]
#: 2001-09-09 to 5138-11-16: catches zero, negative times and milliseconds taken for seconds.
UnixSeconds = Annotated[float, Meta(ge=1e9, le=1e11)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
#: Raw ones are within -1..1; a baseline of 0.98 makes -50 of a raw 0.
Figure = Annotated[float, Meta(ge=LOWEST, le=1.5)]


class ScoredAttempt(faust.Record, namespace="answerloop.ScoredAttempt"):
    """An answer that was judged: the best one so far travels with its question.

    With what it was scored by, and why it failed: the settings may be others when it ends.
    """

    generation: Ordinal
    attempt: Ordinal
    answer: AnswerText
    precision: Figure
    recall: Figure
    f1: Figure
    model: Name
    threshold: Optional[float] = None  # noqa: UP045
    metric: Optional[Name] = None  # noqa: UP045
    gate: Optional[Name] = None  # noqa: UP045
    scorer: Optional[Name] = None  # noqa: UP045
    library: Optional[Name] = None  # noqa: UP045
    why: Optional[Detail] = None  # noqa: UP045

    @property
    def score(self) -> Score:
        return Score(self.precision, self.recall, self.f1)


class QuestionState(faust.Record, abstract=True, namespace="answerloop.QuestionState"):
    """What every record of a question carries. `deadline_seconds` 0 is no deadline.

    `rejected_by` is what rejected the answer of the generation before: a guard, or `low_score`.
    """

    question_id: QuestionId
    question_text: QuestionText
    model: Name
    accepted_at: UnixSeconds
    original_answer: Optional[ReferenceText] = None  # noqa: UP045 (Faust reads it)
    metadata: dict[str, Any] = {}  # noqa: RUF012 (copied by Faust for each record)
    round: Count = 0
    generation: Ordinal = 1
    attempt: Ordinal = 1
    best: Optional[ScoredAttempt] = None  # noqa: UP045
    first_called_at: Optional[UnixSeconds] = None  # noqa: UP045
    deadline_seconds: Seconds = 0.0
    rejected_by: Optional[Reason] = None  # noqa: UP045

    @property
    def turn(self) -> Turn:
        return Turn(self.round, self.generation, self.attempt)

    @property
    def call(self) -> CallKey:
        return CallKey(self.question_id, self.round, self.generation, self.attempt)

    def carried(self) -> dict[str, Any]:
        """Return the fields that the next record of the same question takes over."""
        return {name: getattr(self, name) for name in CARRIED}

    def past_deadline(self, now: float) -> bool:
        """Tell whether the deadline, counted from the first call, is over."""
        deadline_at = self.deadline_at
        return deadline_at is not None and now >= deadline_at

    @property
    def deadline_at(self) -> float | None:
        """When it must have ended, in Unix seconds; None without a deadline or a first call."""
        if not self.deadline_seconds or self.first_called_at is None:
            return None
        return self.first_called_at + self.deadline_seconds

    def seconds_left(self, now: float) -> float | None:
        """Return the time to the deadline, or None when there is none yet."""
        if not self.deadline_seconds or self.first_called_at is None:
            return None
        return max(0.0, self.first_called_at + self.deadline_seconds - now)


class Question(QuestionState, namespace="answerloop.Question"):
    """A question to be answered: new, redriven, or a weak answer's next generation."""


class LlmRequest(QuestionState, namespace="answerloop.LlmRequest"):
    """A model call to be made. `waited_seconds` is what this attempt waited for its retry."""

    waited_seconds: Seconds = 0.0


class LlmAnswer(QuestionState, namespace="answerloop.LlmAnswer"):
    """A model's answer, not judged yet. `seconds` is the call's length.

    `in_ledger` is False when the database was away as it came: `judge` stores it there first.
    """

    answer: AnswerText
    answered_at: UnixSeconds
    seconds: Seconds
    tokens: Optional[Annotated[int, Meta(ge=0, le=10_000_000)]] = None  # noqa: UP045
    finish_reason: Optional[Name] = None  # noqa: UP045
    prompt_tokens: Optional[Annotated[int, Meta(ge=0, le=10_000_000)]] = None  # noqa: UP045
    in_ledger: bool = True


class LlmFailure(QuestionState, namespace="answerloop.LlmFailure"):
    """A failed model call with its cause (a name of `app.core.failures.CAUSES`)."""

    cause: Name
    failed_at: UnixSeconds
    detail: Detail = ""
    status: Optional[Annotated[int, Meta(ge=100, le=599)]] = None  # noqa: UP045
    retry_after_seconds: Optional[Seconds] = None  # noqa: UP045


class RetryDue(faust.Record, namespace="answerloop.RetryDue"):
    """A word that a wait is over; `hold` checks it against its table.

    A timer's comes when the wait is over. `early`: an operator's, that it is to end now.
    """

    question_id: QuestionId
    round: Count
    generation: Ordinal
    attempt: Ordinal
    due_at: UnixSeconds
    early: bool = False

    @property
    def turn(self) -> Turn:
        return Turn(self.round, self.generation, self.attempt)


class ScoredAnswer(QuestionState, namespace="answerloop.ScoredAnswer"):
    """A judged answer. `final` ends the question; a rejected attempt that is asked again does not.

    P, R and F1 are absent when there was no reference (`unscored`), and so is what they are judged
    by: `scorer` (model, layer, rescaled or not) and its `library`, `metric`, `threshold` and the
    `gate` that these come from.
    """

    answer: AnswerText
    status: Literal["validated", "low_quality", "unscored"]
    final: bool
    finished_at: UnixSeconds
    why: Detail
    precision: Optional[Figure] = None  # noqa: UP045
    recall: Optional[Figure] = None  # noqa: UP045
    f1: Optional[Figure] = None  # noqa: UP045
    scorer: Optional[Name] = None  # noqa: UP045
    metric: Optional[Name] = None  # noqa: UP045
    threshold: Optional[float] = None  # noqa: UP045
    cause: Optional[Name] = None  # noqa: UP045
    library: Optional[Name] = None  # noqa: UP045
    gate: Optional[Name] = None  # noqa: UP045

    @property
    def score(self) -> Score | None:
        if self.precision is None or self.recall is None or self.f1 is None:
            return None
        return Score(self.precision, self.recall, self.f1)


class DeadLetter(faust.Record, namespace="answerloop.DeadLetter"):
    """A message that can't go on: where it came from, why, and its original bytes.

    `question` is there when the message could be read; its `best` attempt is kept with it.
    """

    origin_topic: Name
    origin_partition: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    origin_offset: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    cause: Name
    detail: Detail
    first_seen_at: UnixSeconds
    dead_at: UnixSeconds
    attempts: Count = 0
    question: Optional[Question] = None  # noqa: UP045
    key: Optional[bytes] = None  # noqa: UP045
    value: Optional[bytes] = None  # noqa: UP045


class QuestionSettled(faust.Record, namespace="answerloop.QuestionSettled"):
    """A question's end is stored: its table entries may be forgotten."""

    question_id: QuestionId
    round: Count
    status: Literal["validated", "low_quality", "unscored", "dead"]
    settled_at: UnixSeconds


CARRIED = (
    "question_id",
    "question_text",
    "model",
    "accepted_at",
    "original_answer",
    "metadata",
    "round",
    "generation",
    "attempt",
    "best",
    "first_called_at",
    "deadline_seconds",
    "rejected_by",
)

#: Every record that travels on a topic.
RECORDS = (
    Question,
    LlmRequest,
    LlmAnswer,
    LlmFailure,
    RetryDue,
    ScoredAnswer,
    DeadLetter,
    QuestionSettled,
)

"""A question as it reads everywhere: what the store keeps and the API, `show` and `run` print."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.core.gate import Score, ScorerName
from app.core.lifecycle import Status, Turn

#: The number of the shape in which a question is shown: one more whenever a field comes or goes.
SHAPE = 2

#: How the verdict on an attempt is shown.
_VERDICTS = {
    None: None,
    Status.VALIDATED: "pass",
    Status.LOW_QUALITY: "fail",
    Status.UNSCORED: "unscored",
}


class CallKey(NamedTuple):
    """One model call: the unit that is claimed, made and paid once."""

    question_id: str
    round: int
    generation: int
    attempt: int

    @property
    def turn(self) -> Turn:
        return Turn(self.round, self.generation, self.attempt)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One model call and what became of it. Times are Unix seconds, `seconds` the call's length.

    `claims` and `prompt_tokens` are for `app.core.costs`: how many times the call was started (0:
    it is known by its verdict only), and the tokens of the prompt, where the server tells.
    `strategy` (a name), `temperature` and `seed` tell how it was asked; None in older rows.
    """

    round: int
    generation: int
    attempt: int
    model: str
    started_at: float
    seconds: float | None = None
    tokens: int | None = None
    answer: str | None = None
    cause: str | None = None
    score: Score | None = None
    waited_seconds: float = 0.0
    claims: int = 1
    prompt_tokens: int | None = None
    strategy: str | None = None
    temperature: float | None = None
    seed: int | None = None
    verdict: Status | None = None
    """validated, low_quality or unscored, once the answer was judged."""
    why: str | None = None
    """The verdict in one clause: the figure beside the threshold, or a guard and its reason."""
    threshold: float | None = None
    metric: str | None = None
    gate: str | None = None
    scorer: str | None = None
    library: str | None = None

    def as_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "generation": self.generation,
            "attempt": self.attempt,
            "model": self.model,
            "started_at": timestamp(self.started_at),
            "seconds": self.seconds,
            "tokens": self.tokens,
            "waited_seconds": self.waited_seconds,
            "verdict": _VERDICTS[self.verdict],
        }
        if self.prompt_tokens is not None:
            row["prompt_tokens"] = self.prompt_tokens
        if self.round:
            row["round"] = self.round
        if self.strategy is not None:
            row |= {
                "strategy": self.strategy,
                "temperature": self.temperature,
                "seed": self.seed,
            }
        if self.cause is not None:
            row["cause"] = self.cause
        if self.answer is not None:
            row["answer"] = self.answer
        if self.score is not None:
            row |= _figures(self.score) | _basis(self)
        if self.why is not None:
            row["why"] = self.why
        return row


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """A question with its state and, when it is final, its answer. Times are Unix seconds.

    `why` tells in one clause why it ended so: the verdict's, or a dead letter's detail. What it was
    scored by, and why, is of that moment: the settings may have changed since.
    """

    question_id: str
    status: Status
    question_text: str
    original_answer: str | None
    model: str
    turn: Turn
    accepted_at: float
    answer: str | None = None
    score: Score | None = None
    threshold: float | None = None
    metric: str | None = None
    gate: str | None = None
    scorer: str | None = None
    library: str | None = None
    cause: str | None = None
    why: str | None = None
    due_at: float | None = None
    finished_at: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    trace_context: str | None = None
    """Where the trace of this round goes on (`app.tracing.carrier_of_text`); it is not shown."""

    @property
    def figure(self) -> float | None:
        """The figure of the score that the gate looked at: F1 where the metric is not known."""
        return _figures(self.score)[self.metric or "f1"]

    def as_json(self) -> dict[str, Any]:
        """Return the one shape in which a question is shown (times as ISO 8601 in UTC)."""
        row: dict[str, Any] = {
            "question_id": self.question_id,
            "status": str(self.status),
            "question_text": self.question_text,
            "original_answer": self.original_answer,
            "answer": self.answer,
            **_figures(self.score),
            **_basis(self),
            "generation": self.turn.generation,
            "cause": self.cause,
            "why": self.why,
            "attempts": [attempt.as_json() for attempt in self.attempts],
            "accepted_at": timestamp(self.accepted_at),
            "finished_at": timestamp(self.finished_at),
            "metadata": self.metadata,
        }
        if self.status is Status.WAITING:
            row["due_at"] = timestamp(self.due_at)
        if self.turn.round:
            row["round"] = self.turn.round
        return row


def _figures(score: Score | None) -> dict[str, float | None]:
    return {
        "precision": score.precision if score else None,
        "recall": score.recall if score else None,
        "f1": score.f1 if score else None,
    }


def _basis(judged: Attempt | StoredQuestion) -> dict[str, Any]:
    """Return by what a score was made and judged, as it is shown."""
    scorer = judged.scorer
    return {
        "threshold": judged.threshold,
        "metric": judged.metric,
        "gate": judged.gate,
        "scorer": scorer,
        "library": judged.library,
        "rescaled": ScorerName.of(scorer).rescaled if scorer is not None else None,
    }


def timestamp(unix_seconds: float | None) -> str | None:
    """Return an ISO 8601 time in UTC with milliseconds, or None."""
    if unix_seconds is None:
        return None
    when = datetime.fromtimestamp(unix_seconds, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")

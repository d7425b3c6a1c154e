"""A question as the report reads it: from the database, or from a results file of any version."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.core.lifecycle import Status


class RowError(ValueError):
    """What a row lacks, in one clause."""


@dataclass(frozen=True, slots=True)
class Basis:
    """By what a score was made and judged. None: the row does not tell (rows of old versions)."""

    scorer: str | None = None
    metric: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One model call. Times are Unix seconds."""

    generation: int
    attempt: int
    model: str
    started_at: float | None
    seconds: float | None
    tokens: int | None
    prompt_tokens: int | None
    waited_seconds: float
    answer: str | None
    cause: str | None
    figures: Mapping[str, float]
    verdict: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One question. `figures` has `precision`, `recall`, `f1`, as far as they are known."""

    question_id: str
    status: Status
    question: str
    reference: str | None
    answer: str | None
    figures: Mapping[str, float]
    basis: Basis
    generation: int
    cause: str | None
    why: str | None
    accepted_at: float | None
    finished_at: float | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tries: tuple[Try, ...] = ()
    calls: int = 0
    #: Sums over the attempts, of a row that has no more of them than their number.
    tokens: int | None = None
    prompt_tokens: int | None = None

    @property
    def judged(self) -> bool:
        """Whether it ended, and had a reference to be compared with: it passed or it did not."""
        return self.status.final and self.status is not Status.UNSCORED

    @property
    def passed(self) -> bool:
        return self.status is Status.VALIDATED

    @property
    def score(self) -> float | None:
        """The figure that the gate looked at: F1 where the metric is not known."""
        return self.figures.get(self.basis.metric or "f1")

    @property
    def end_to_end_seconds(self) -> float | None:
        if self.accepted_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.accepted_at)


def row_of(found: Mapping[str, Any]) -> Row:
    """Return the row of a question as it is shown everywhere. Raises RowError."""
    question, status = found.get("question_text"), found.get("status")
    if not isinstance(question, str):
        raise RowError("question_text is missing, or no text")
    if not isinstance(status, str) or status not in set(Status):
        raise RowError(f"status is none of {', '.join(Status)}")
    attempts = found.get("attempts")
    tries = tuple(_tries(attempts)) if isinstance(attempts, list) else ()
    metadata = found.get("metadata")
    return Row(
        question_id=_text(found, "question_id") or "",
        status=Status(status),
        question=question,
        reference=_text(found, "original_answer"),
        answer=_text(found, "answer"),
        figures=_figures(found),
        basis=Basis(
            _text(found, "scorer"), _text(found, "metric"), _number(found.get("threshold"))
        ),
        generation=_whole(found.get("generation")) or 1,
        cause=_text(found, "cause"),
        why=_text(found, "why"),
        accepted_at=unix(found.get("accepted_at")),
        finished_at=unix(found.get("finished_at")),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        tries=tries,
        calls=len(tries) if tries else _whole(attempts) or 0,
        tokens=None if tries else _whole(found.get("tokens")),
        prompt_tokens=None if tries else _whole(found.get("prompt_tokens")),
    )


def _tries(attempts: Sequence[Any]) -> list[Try]:
    return [_try(each) for each in attempts if isinstance(each, Mapping)]


def _try(found: Mapping[str, Any]) -> Try:
    return Try(
        generation=_whole(found.get("generation")) or 1,
        attempt=_whole(found.get("attempt")) or 1,
        model=_text(found, "model") or "",
        started_at=unix(found.get("started_at")),
        seconds=_number(found.get("seconds")),
        tokens=_whole(found.get("tokens")),
        prompt_tokens=_whole(found.get("prompt_tokens")),
        waited_seconds=_number(found.get("waited_seconds")) or 0.0,
        answer=_text(found, "answer"),
        cause=_text(found, "cause"),
        figures=_figures(found),
        verdict=_text(found, "verdict"),
        why=_text(found, "why"),
    )


def _figures(found: Mapping[str, Any]) -> dict[str, float]:
    given = {name: _number(found.get(name)) for name in ("precision", "recall", "f1")}
    return {name: value for name, value in given.items() if value is not None}


def unix(value: Any) -> float | None:
    """Return Unix seconds of an ISO 8601 time (UTC without a zone); None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)

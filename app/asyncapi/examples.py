"""Messages to show: one story, in records, so that each is what the codec itself writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import faust
import msgspec

from app.core.identity import question_id
from app.wire import WireGate
from app.wire.ratings import encode_rating, rating_key
from models import questions as q
from models import ratings as r

_MODEL = "smollm2-135m"
_AT = 1_764_061_200.0
_TEXT, _REFERENCE = "¿Cuál es la capital de Chile?", "La capital de Chile es Santiago."
_WEAK_TEXT, _WEAK_REFERENCE = "Why is the sky blue?", "Short wavelengths are scattered more."
_JUDGED_BY: dict[str, Any] = {
    "scorer": "minilm-l6:6",
    "library": "bert-score 0.3.13",
    "metric": "recall",
    "threshold": 0.525,
    "gate": "profile minilm-l6",
}
_STORY: dict[str, Any] = {
    "question_id": question_id(_TEXT, _REFERENCE, _MODEL),
    "question_text": _TEXT,
    "original_answer": _REFERENCE,
    "model": _MODEL,
    "accepted_at": _AT,
    "metadata": {"origen": "geografía"},
}
_CALLED: dict[str, Any] = {**_STORY, "first_called_at": _AT + 0.2, "deadline_seconds": 86_400.0}
_WEAK: dict[str, Any] = {
    "question_id": question_id(_WEAK_TEXT, _WEAK_REFERENCE, _MODEL),
    "question_text": _WEAK_TEXT,
    "original_answer": _WEAK_REFERENCE,
    "model": _MODEL,
    "accepted_at": _AT + 1,
    "metadata": {"source": "physics"},
    "first_called_at": _AT + 1.2,
}
_TOLD_WRONG: dict[str, Any] = {"precision": 0.41, "recall": 0.331, "f1": 0.366}
_BEST = q.ScoredAttempt(
    generation=1,
    attempt=1,
    answer="Because.",
    model=_MODEL,
    why="recall 0.331 < 0.525",
    **_TOLD_WRONG,
    **_JUDGED_BY,
)


class Example(NamedTuple):
    """A message: `key` as text, `value` as it lies in the log."""

    name: str
    key: str
    value: bytes

    @property
    def payload(self) -> Any:
        return msgspec.json.decode(self.value)


def examples() -> dict[str, list[Example]]:
    """Return messages by the name of their record. The codec that encodes them checks them."""
    found: dict[str, list[Example]] = {}
    for name, key, record in _records():
        gate = WireGate(type(record))
        found.setdefault(gate.record.__name__, []).append(Example(name, key, gate.encode(record)))
    value = encode_rating(7, 32, 3.5, 1_764_061_200_809)
    found["RatingEvent"] = [Example("three and a half stars", rating_key(7).decode(), value)]
    return found


def _records() -> Iterator[tuple[str, str, faust.Record]]:
    for name, record in _of_questions():
        yield name, record.question_id, record
    yield "retries exhausted", _STORY["question_id"], _letter()
    yield "unreadable", "llm-requests/3/17", _unreadable()
    movies = [r.RecommendedMovie(movieId=318, score=4.6, confidence=0.71)]
    made = r.Recommendation(
        userId=7, movies=movies, model="als-2026-11-25", ratings=12, made_at=_AT
    )
    yield "one movie", "7", made
    metrics = _metrics()
    yield "ten seconds", metrics.worker, metrics


def _of_questions() -> Iterator[tuple[str, Any]]:
    yield "nueva", q.Question(**_STORY)
    yield (
        "asked again",
        q.Question(**{**_WEAK, "generation": 2, "best": _BEST, "rejected_by": "low_score"}),
    )
    yield "primera llamada", q.LlmRequest(**_STORY)
    yield "retry", q.LlmRequest(**{**_CALLED, "attempt": 2}, waited_seconds=5.4)
    yield (
        "respuesta",
        q.LlmAnswer(
            **{**_CALLED, "attempt": 2},
            answer="Santiago.",
            answered_at=_AT + 7,
            seconds=1.1,
            tokens=4,
            prompt_tokens=31,
            finish_reason="stop",
        ),
    )
    yield (
        "overloaded",
        q.LlmFailure(
            **_CALLED,
            cause="overloaded",
            failed_at=_AT + 0.3,
            detail="503 Service Unavailable: busy",
            status=503,
            retry_after_seconds=5.0,
        ),
    )
    turn = {"round": 0, "generation": 1, "attempt": 1}
    yield "wait over", q.RetryDue(question_id=_STORY["question_id"], due_at=_AT + 5.3, **turn)
    yield (
        "validada",
        q.ScoredAnswer(
            **{**_CALLED, "attempt": 2},
            answer="Santiago.",
            status="validated",
            final=True,
            finished_at=_AT + 7.2,
            why="recall 0.812 >= 0.525",
            precision=0.861,
            recall=0.812,
            f1=0.836,
            **_JUDGED_BY,
        ),
    )
    yield (
        "rejected, asked again",
        q.ScoredAnswer(
            **_WEAK,
            answer="Because.",
            status="low_quality",
            final=False,
            finished_at=_AT + 2,
            why="recall 0.331 < 0.525",
            **_TOLD_WRONG,
            **_JUDGED_BY,
        ),
    )
    yield (
        "stored",
        q.QuestionSettled(
            question_id=_STORY["question_id"],
            round=0,
            status="validated",
            settled_at=_AT + 7.3,
        ),
    )


def _letter() -> q.DeadLetter:
    return q.DeadLetter(
        origin_topic="errors-overload",
        origin_partition=3,
        origin_offset=17,
        cause="overload_retries_exhausted",
        detail="the last of 5 retries failed: overloaded: 503 Service Unavailable: busy",
        first_seen_at=_AT,
        dead_at=_AT + 160,
        attempts=6,
        question=q.Question(**{**_CALLED, "attempt": 6}),
        key=_STORY["question_id"].encode(),
        value=b'{"type": "answerloop.LlmFailure"}',
    )


def _unreadable() -> q.DeadLetter:
    return q.DeadLetter(
        origin_topic="llm-requests",
        origin_partition=3,
        origin_offset=17,
        cause="rejected",
        detail="JSON is malformed: invalid character (byte 0)",
        first_seen_at=_AT,
        dead_at=_AT + 1,
        value="¿Qué?".encode(),
    )


def _metrics() -> r.StreamMetrics:
    return r.StreamMetrics(
        worker="host-1:4711:0f3a91bc",
        at=_AT,
        seconds=10.0,
        per_second=842.5,
        valid=8_401,
        rejected={"rating": 14},
        duplicate=9,
        stale=1,
        late=0,
        lag=0,
        partitions=6,
        model="als-2026-11-25",
        latency_p50_seconds=0.012,
        latency_p95_seconds=0.041,
        latency_p99_seconds=0.087,
        rmse=0.871,
        coverage=0.98,
    )

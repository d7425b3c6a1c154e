"""Dead letters and final answers: how a question ends, in one place for all stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.context import Context
from agents.stage_context import StageContext
from agents.waits import Outgoing, until_up
from app.core.lifecycle import is_over
from app.wire import MAX_VALUE_BYTES, Arrival, Rejected
from models.questions import DeadLetter, Question, QuestionState, ScoredAnswer

_EARLIEST, _LATEST = 1e9, 1e11
#: A longer original is cut: its topic still has it until its retention ends.
MAX_ORIGINAL_BYTES = 1_000_000
MAX_KEY_BYTES = 1_000


def dead_letter(
    context: StageContext, arrival: Arrival, cause: str, detail: str, *, attempts: int | None = None
) -> Outgoing:
    """Return the dead letter of a message: origin, cause, bytes, and its question if readable."""
    record = arrival.value if isinstance(arrival.value, QuestionState) else None
    now = context.now()
    value = arrival.raw
    room = MAX_ORIGINAL_BYTES if record is None else _room_beside_question(len(value or b""))
    if value is not None and len(value) > room:
        detail = f"{detail[:3500]} (original of {len(value)} bytes cut to {room})"
        value = value[:room]
    seen = record.accepted_at if record is not None else arrival.timestamp
    letter = DeadLetter(
        origin_topic=arrival.topic,
        origin_partition=arrival.partition,
        origin_offset=arrival.offset,
        cause=cause,
        detail=_printable(detail),
        first_seen_at=seen if _EARLIEST <= seen <= _LATEST else now,
        dead_at=now,
        attempts=attempts if attempts is not None else (record.attempt if record else 0),
        question=Question(**record.carried()) if record is not None else None,
        key=arrival.key[:MAX_KEY_BYTES] if arrival.key is not None else None,
        value=value,
    )
    key = (
        record.question_id
        if record is not None
        else f"{arrival.topic}/{arrival.partition}/{arrival.offset}"
    )
    return Outgoing(context.names.dead_letters, key, letter)


def _room_beside_question(message_bytes: int) -> int:
    """Return how many bytes of a message fit (in base64) beside the question read from it."""
    return max(0, min(MAX_ORIGINAL_BYTES, (MAX_VALUE_BYTES - 50_000 - message_bytes) * 3 // 4))


def rejected_letter(context: StageContext, arrival: Arrival) -> Outgoing:
    """Return the dead letter of a message that does not fit its topic."""
    rejected: Rejected = arrival.value
    return dead_letter(context, arrival, "rejected", rejected.reason)


def internal_error_letter(
    context: StageContext, stage: str, arrival: Arrival, error: Exception
) -> Outgoing:
    """Return the dead letter of a message over which a stage stumbled: a defect of ours."""
    detail = f"{stage}: {type(error).__name__}: {error}"
    context.metrics.count("dead_letters", "internal_error")
    return dead_letter(context, arrival, "internal_error", detail)


async def ended_before(context: Context, records: Sequence[QuestionState]) -> set[str]:
    """Return which of these questions have ended, or gone on to a later round, all the same.

    What is read again from the log long after may be past its deadline, and has its end.
    """
    ids = [record.question_id for record in records]
    found = await until_up(context, "database", lambda: context.ports.store.statuses(ids))
    return {
        record.question_id
        for record in records
        if (known := found.get(record.question_id)) is not None
        and is_over(known[1], known[0], record.turn)
    }


def best_as_final(context: Context, record: QuestionState, cause: str | None, why: str) -> Outgoing:
    """Return the best attempt so far as the question's final, low quality answer.

    With what it was scored by at its time. Without a reference (a guard rejected it) there is no
    score.
    """
    best = record.best
    if best is None:
        raise ValueError("the question has no scored attempt")
    scored = bool((record.original_answer or "").strip())
    return Outgoing(
        context.names.low_quality_responses,
        record.question_id,
        ScoredAnswer(
            **{**record.carried(), "generation": best.generation, "attempt": best.attempt},
            answer=best.answer,
            status="low_quality",
            final=True,
            finished_at=context.now(),
            why=why,
            precision=best.precision if scored else None,
            recall=best.recall if scored else None,
            f1=best.f1 if scored else None,
            scorer=best.scorer,
            library=best.library,
            metric=best.metric,
            threshold=best.threshold,
            gate=best.gate,
            cause=cause,
        ),
    )


def past_deadline(context: Context, record: Any) -> bool:
    return bool(record.past_deadline(context.now()))


def deadline_letter(context: Context, arrival: Arrival) -> Outgoing:
    """Return the dead letter of a question whose deadline is over."""
    record = arrival.value
    detail = f"not answered within {record.deadline_seconds:.0f} s of the first call"
    context.metrics.count("dead_letters", "deadline")
    return dead_letter(context, arrival, "deadline", detail)


def _printable(text: str) -> str:
    clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode("utf-8")[:3900]

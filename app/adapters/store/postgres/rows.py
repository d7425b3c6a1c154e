"""Rows of PostgreSQL to values of ours, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app.adapters.store.text import clean_optional, clean_text
from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import Attempt, StoredQuestion
from app.core.redrive import Mark
from app.ports import StoredVerdict
from app.ports.letters import DeadLetterRow, RedriveRecord


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows as columns, the form in which a batch goes to `unnest`; `width` of no rows."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def question_values(row: StoredQuestion) -> tuple[Any, ...]:
    """Return a question in the order of the columns of its table."""
    return (
        row.question_id,
        str(row.status),
        *row.turn,
        row.question_text,
        row.original_answer,
        row.model,
        json.dumps(row.metadata, ensure_ascii=False),
        float(row.accepted_at),
        row.due_at,
        row.finished_at,
        row.answer,
        *score_values(row.score),
        row.threshold,
        row.metric,
        row.gate,
        row.scorer,
        row.library,
        row.cause,
        row.why,
        row.trace_context,
    )


def question_of(row: Any, attempts: tuple[Attempt, ...] = ()) -> StoredQuestion:
    """Return the question of a row."""
    return StoredQuestion(
        question_id=row["question_id"],
        status=Status(row["status"]),
        question_text=row["question_text"],
        original_answer=row["original_answer"],
        model=row["model"],
        turn=Turn(row["round"], row["generation"], row["attempt"]),
        accepted_at=row["accepted_at"],
        answer=row["answer"],
        score=score_of(row),
        threshold=row["threshold"],
        metric=row["metric"],
        gate=row["gate"],
        scorer=row["scorer"],
        library=row["library"],
        cause=row["cause"],
        why=row["why"],
        due_at=row["due_at"],
        finished_at=row["finished_at"],
        metadata=json.loads(row["metadata"]),
        attempts=attempts,
        trace_context=row["trace_context"],
    )


def attempt_of(row: Any) -> Attempt:
    """Return the attempt of a row of the ledger."""
    return Attempt(
        round=row["round"],
        generation=row["generation"],
        attempt=row["attempt"],
        model=row["model"],
        started_at=row["started_at"],
        seconds=row["seconds"],
        tokens=row["tokens"],
        answer=row["answer"],
        cause=row["cause"],
        score=score_of(row),
        waited_seconds=row["waited_seconds"],
        claims=row["claims"],
        prompt_tokens=row["prompt_tokens"],
        strategy=row["strategy"],
        temperature=row["temperature"],
        seed=row["seed"],
        verdict=None if row["verdict"] is None else Status(row["verdict"]),
        why=row["why"],
        threshold=row["threshold"],
        metric=row["metric"],
        gate=row["gate"],
        scorer=row["scorer"],
        library=row["library"],
    )


def verdict_values(verdict: StoredVerdict) -> tuple[Any, ...]:
    """Return a verdict in the order in which the ledger takes it."""
    return (
        str(verdict.status),
        *score_values(verdict.score),
        verdict.threshold,
        clean_optional(verdict.metric),
        clean_optional(verdict.scorer),
        clean_text(verdict.why),
        clean_optional(verdict.library),
        clean_optional(verdict.gate),
    )


def verdict_of(row: Any) -> StoredVerdict | None:
    """Return the verdict in a row of the ledger, if there is one."""
    if row["verdict"] is None:
        return None
    return StoredVerdict(
        status=Status(row["verdict"]),
        score=score_of(row),
        threshold=row["threshold"],
        metric=row["metric"],
        scorer=row["scorer"],
        why=row["why"],
        library=row["library"],
        gate=row["gate"],
    )


def dead_letter_values(letter: DeadLetterRow) -> tuple[Any, ...]:
    """Return a dead letter in the order of the columns of its table."""
    return (
        clean_text(letter.origin_topic),
        letter.origin_partition,
        letter.origin_offset,
        clean_text(letter.cause),
        clean_text(letter.detail),
        float(letter.first_seen_at),
        float(letter.dead_at),
        letter.attempts,
        clean_optional(letter.question_id),
        *(letter.turn or (None, None, None)),
        letter.key,
        letter.value,
        letter.trace_context,
    )


def dead_letter_of(row: Any) -> DeadLetterRow:
    """Return the dead letter of a row."""
    turn = None if row["round"] is None else Turn(row["round"], row["generation"], row["attempt"])
    return DeadLetterRow(
        origin_topic=row["origin_topic"],
        origin_partition=row["origin_partition"],
        origin_offset=row["origin_offset"],
        cause=row["cause"],
        detail=row["detail"],
        first_seen_at=row["first_seen_at"],
        dead_at=row["dead_at"],
        attempts=row["attempts"],
        question_id=row["question_id"],
        turn=turn,
        key=row["key"],
        value=row["value"],
        mark=_mark_of(row),
        size=row["size"],
        trace_context=row["trace_context"],
    )


def _mark_of(row: Any) -> Mark | None:
    if row["claimed_at"] is None:
        return None
    return Mark(row["redrive_id"], row["claimed_at"], row["sent_at"], row["new_round"])


def redrive_of(row: Any) -> RedriveRecord:
    """Return the redrive of a row."""
    return RedriveRecord(
        started_at=row["started_at"],
        by_whom=row["by_whom"],
        filter=json.loads(row["filter"]),
        planned=row["planned"],
        transform=row["transform"],
        redrive_id=row["redrive_id"],
        last_at=row["last_at"],
        sent=row["sent"],
        refused=row["refused"],
        failed=row["failed"],
    )


def score_values(score: Score | None) -> tuple[float | None, float | None, float | None]:
    """Return precision, recall and F1, each None without a score."""
    if score is None:
        return (None, None, None)
    return (float(score.precision), float(score.recall), float(score.f1))


def score_of(row: Any) -> Score | None:
    """Return the score in a row, if there is one."""
    if row["score_f1"] is None:
        return None
    return Score(row["score_precision"], row["score_recall"], row["score_f1"])

"""Questions and dead letters in PostgreSQL: batched, idempotent, ordered writes.

What has several statements runs inside one transaction on one connection. Rows are locked in the
order of their keys. Facts of one question must be folded before (`store_facts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.facts import Move, fold_moves
from app.adapters.store.postgres.rows import columns, dead_letter_values, question_values
from app.adapters.store.text import clean_optional, clean_text
from app.core.lifecycle import Status, Turn
from app.core.questions import StoredQuestion
from app.ports import DeadLetterRow

# Within a round text, reference, model, metadata, time of acceptance and trace context stay as
# first stored.
_PUT = """
INSERT INTO questions AS old (
    question_id, status, round, generation, attempt, question_text, original_answer, model,
    metadata, accepted_at, due_at, finished_at, answer,
    score_precision, score_recall, score_f1, threshold, metric, gate, scorer, library, cause, why,
    trace_context)
SELECT question_id, status, round, generation, attempt, question_text, original_answer, model,
    metadata::json, accepted_at, due_at, finished_at, answer,
    score_precision, score_recall, score_f1, threshold, metric, gate, scorer, library, cause, why,
    trace_context
FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::float8[], $11::float8[], $12::float8[], $13::text[],
    $14::float8[], $15::float8[], $16::float8[], $17::float8[], $18::text[], $19::text[],
    $20::text[], $21::text[], $22::text[], $23::text[], $24::text[])
    AS fact (question_id, status, round, generation, attempt, question_text, original_answer,
        model, metadata, accepted_at, due_at, finished_at, answer,
        score_precision, score_recall, score_f1, threshold, metric, gate, scorer, library, cause,
        why, trace_context)
ORDER BY question_id
ON CONFLICT (question_id) DO UPDATE SET
    status = excluded.status, round = excluded.round,
    generation = excluded.generation, attempt = excluded.attempt,
    question_text = CASE WHEN excluded.round > old.round
        THEN excluded.question_text ELSE old.question_text END,
    original_answer = CASE WHEN excluded.round > old.round
        THEN excluded.original_answer ELSE old.original_answer END,
    model = CASE WHEN excluded.round > old.round THEN excluded.model ELSE old.model END,
    metadata = CASE WHEN excluded.round > old.round THEN excluded.metadata ELSE old.metadata END,
    accepted_at = CASE WHEN excluded.round > old.round
        THEN excluded.accepted_at ELSE old.accepted_at END,
    trace_context = CASE WHEN excluded.round > old.round
        THEN excluded.trace_context ELSE old.trace_context END,
    deadline_at = CASE WHEN excluded.round > old.round THEN NULL ELSE old.deadline_at END,
    swept_at = CASE WHEN excluded.round > old.round THEN NULL ELSE old.swept_at END,
    due_at = excluded.due_at, finished_at = excluded.finished_at, answer = excluded.answer,
    score_precision = excluded.score_precision, score_recall = excluded.score_recall,
    score_f1 = excluded.score_f1, threshold = excluded.threshold,
    metric = excluded.metric, gate = excluded.gate, scorer = excluded.scorer,
    library = excluded.library, cause = excluded.cause, why = excluded.why
WHERE answerloop_supersedes(
    old.round, old.generation, old.attempt, old.status,
    excluded.round, excluded.generation, excluded.attempt, excluded.status)
"""

_LOCK = """
SELECT FROM questions WHERE question_id = ANY($1::text[]) ORDER BY question_id FOR UPDATE
"""

# Where it supersedes what is there: `old` is the row, `new` the move.
_MOVED = """
UPDATE questions AS old SET
    status = new.status, round = new.round, generation = new.generation, attempt = new.attempt,
    deadline_at = CASE WHEN new.deadline_at IS NULL AND new.round = old.round
        THEN old.deadline_at ELSE new.deadline_at END,
    swept_at = CASE WHEN new.round > old.round THEN NULL ELSE old.swept_at END,
    due_at = new.due_at, cause = new.cause, finished_at = NULL, answer = NULL,
    score_precision = NULL, score_recall = NULL, score_f1 = NULL, threshold = NULL,
    metric = NULL, gate = NULL, scorer = NULL, library = NULL, why = NULL
FROM {moves} AS new {names}
WHERE old.question_id = new.question_id AND answerloop_supersedes(
    old.round, old.generation, old.attempt, old.status,
    new.round, new.generation, new.attempt, new.status)
"""

_MOVE = _MOVED.format(
    moves="unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[], $6::float8[],"
    " $7::text[], $8::float8[])",
    names="(question_id, round, generation, attempt, status, due_at, cause, deadline_at)",
)

_STATUSES = """
SELECT question_id, status, round, generation, attempt
FROM questions WHERE question_id = ANY($1::text[])
"""

# A row that stays as it is comes as it was when the statement began; one that another statement
# puts in meanwhile may be missing.
_PUT_AND_TELL = f"""
WITH put AS ({_PUT} RETURNING old.question_id, old.status, old.round, old.generation, old.attempt)
SELECT * FROM put
UNION ALL
{_STATUSES.replace("$1", "$25")} AND question_id NOT IN (SELECT question_id FROM put)
"""  # noqa: S608 - of constants

_BURY = """
INSERT INTO dead_letters (
    origin_topic, origin_partition, origin_offset, cause, detail, first_seen_at, dead_at,
    attempts, question_id, round, generation, attempt, key, value, trace_context)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::float8[],
    $7::float8[], $8::int[], $9::text[], $10::int[], $11::int[], $12::int[],
    $13::bytea[], $14::bytea[], $15::text[])
    AS letter (origin_topic, origin_partition, origin_offset, cause, detail, first_seen_at,
        dead_at, attempts, question_id, round, generation, attempt, key, value, trace_context)
ORDER BY origin_topic, origin_partition, origin_offset
ON CONFLICT DO NOTHING
"""


async def put_questions(connection: Any, rows: Sequence[StoredQuestion]) -> None:
    """Store acceptances or endings, each where it supersedes what is there."""
    if rows:
        await connection.execute(_PUT, *columns(map(question_values, rows), 24))


async def put_and_tell(
    connection: Any, rows: Sequence[StoredQuestion], question_ids: Sequence[str]
) -> dict[str, tuple[Status, Turn]]:
    """Store acceptances, and return (status, turn) of the questions as `read_statuses` does.

    One statement: it needs no transaction.
    """
    clean = [clean_text(each) for each in question_ids]
    found = await connection.fetch(_PUT_AND_TELL, *columns(map(question_values, rows), 24), clean)
    return _standing(found, question_ids)


def and_move(kept: str, status: Status, deadline: str = "NULL::float8") -> str:
    """Return the subqueries that move the questions of the calls in subquery `kept` to `status`.

    They are locked in the order of their keys, each moves once, for its latest call. `deadline` is
    an expression on `kept`.
    """
    moved = _MOVED.format(moves="locked", names="")
    return f"""
latest AS (
    SELECT DISTINCT ON (question_id) question_id, round, generation, attempt,
        '{status}'::text AS status, NULL::float8 AS due_at, NULL::text AS cause,
        {deadline} AS deadline_at
    FROM {kept} ORDER BY question_id, round DESC, generation DESC, attempt DESC),
locked AS (
    SELECT latest.* FROM latest JOIN questions ON questions.question_id = latest.question_id
    ORDER BY latest.question_id FOR UPDATE OF questions),
moved AS ({moved})
"""  # noqa: S608 - of constants


async def move_questions(connection: Any, moves: Sequence[Move]) -> None:
    """Move known questions to states that are not final, each where it supersedes."""
    folded = fold_moves(moves)
    if not folded:
        return
    rows = [
        (
            clean_text(move.question_id),
            *move.turn,
            str(move.status),
            None if move.due_at is None else float(move.due_at),
            clean_optional(move.cause),
            None if move.deadline_at is None else float(move.deadline_at),
        )
        for move in folded
    ]
    if len(rows) > 1:  # one row alone can't be locked out of order
        await connection.execute(_LOCK, [row[0] for row in rows])
    await connection.execute(_MOVE, *columns(rows, 8))


async def lock_questions(connection: Any, question_ids: Sequence[str]) -> None:
    """Lock questions until the transaction ends."""
    await connection.execute(_LOCK, [clean_text(each) for each in question_ids])


async def read_statuses(
    connection: Any, question_ids: Sequence[str]
) -> dict[str, tuple[Status, Turn]]:
    """Return (status, turn) of the known ones among ids, under the ids as they were asked for."""
    rows = await connection.fetch(_STATUSES, [clean_text(each) for each in question_ids])
    return _standing(rows, question_ids)


def _standing(rows: Sequence[Any], question_ids: Sequence[str]) -> dict[str, tuple[Status, Turn]]:
    found = {
        row["question_id"]: (
            Status(row["status"]),
            Turn(row["round"], row["generation"], row["attempt"]),
        )
        for row in rows
    }
    return {each: found[clean] for each in question_ids if (clean := clean_text(each)) in found}


async def bury(connection: Any, letters: Sequence[DeadLetterRow]) -> None:
    """Keep dead letters: each origin once, and each death once."""
    if letters:
        await connection.execute(_BURY, *columns(map(dead_letter_values, letters), 15))

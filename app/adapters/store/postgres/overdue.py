"""Questions that should have ended, in PostgreSQL: taken by one sweep at a time."""

from __future__ import annotations

from typing import Any

from app.adapters.store.postgres.reads import read_questions
from app.ports import Overdue, SweepLimits

# Rows that somebody else is writing are not waited for: they are alive.
_TAKE = """
WITH late AS (
    SELECT question_id FROM questions
    WHERE status IN ('accepted', 'asking', 'waiting', 'judging')
        AND deadline_at <= $1::float8 - $2::float8
        AND coalesce(swept_at, '-infinity') <= $1::float8 - $4::float8
    ORDER BY deadline_at LIMIT $5 FOR UPDATE SKIP LOCKED),
lost AS (
    SELECT question_id FROM questions
    WHERE status IN ('accepted', 'asking', 'waiting', 'judging')
        AND accepted_at <= $1::float8 - $3::float8
        AND coalesce(swept_at, '-infinity') <= $1::float8 - $3::float8
    ORDER BY accepted_at LIMIT $5 FOR UPDATE SKIP LOCKED),
taken AS (
    SELECT question_id FROM late UNION SELECT question_id FROM lost LIMIT $5)
UPDATE questions SET swept_at = $1::float8
FROM taken WHERE questions.question_id = taken.question_id
RETURNING questions.question_id, questions.deadline_at
"""


async def take_overdue(connection: Any, now: float, limits: SweepLimits) -> list[Overdue]:
    """Take what is overdue, inside one transaction; nobody else gets it for a while."""
    rows = await connection.fetch(
        _TAKE,
        float(now),
        float(limits.grace_seconds),
        float(limits.lost_seconds),
        float(limits.again_seconds),
        limits.batch,
    )
    deadlines = {row["question_id"]: row["deadline_at"] for row in rows}
    found = await read_questions(connection, list(deadlines))
    return [Overdue(q, deadlines[q.question_id]) for q in found if q is not None]

"""What is read from PostgreSQL for people: questions, pages, counts, dead letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from app.adapters.store.cursor import Position, decode_cursor, encode_cursor, page_size
from app.adapters.store.postgres.rows import attempt_of, question_of
from app.adapters.store.text import clean_text
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.ports import Page

_BY_ID = "SELECT * FROM questions WHERE question_id = ANY($1::text[])"
_ATTEMPTS = """
SELECT * FROM attempts WHERE question_id = ANY($1::text[])
ORDER BY question_id, round, generation, attempt
"""

# Each form has one plan, by one index.
_NEWEST = """
SELECT * FROM questions
ORDER BY accepted_at DESC, question_id DESC LIMIT $1
"""
_NEWEST_BELOW = """
SELECT * FROM questions WHERE (accepted_at, question_id) < ($2::float8, $3::text)
ORDER BY accepted_at DESC, question_id DESC LIMIT $1
"""
_OF_STATUS = """
SELECT * FROM questions WHERE status = $2
ORDER BY accepted_at DESC, question_id DESC LIMIT $1
"""
_OF_STATUS_BELOW = """
SELECT * FROM questions
WHERE status = $2 AND (accepted_at, question_id) < ($3::float8, $4::text)
ORDER BY accepted_at DESC, question_id DESC LIMIT $1
"""

# By its index, however many questions have ended.
_BACKLOG = """
SELECT count(*) FROM (
    SELECT FROM questions WHERE status = ANY($1::text[]) LIMIT $2) AS unfinished
"""


async def read_questions(
    connection: Any, question_ids: Sequence[str]
) -> list[StoredQuestion | None]:
    """Return each question with its attempts in order, or None, in the order of the ids."""
    clean = [clean_text(question_id) for question_id in question_ids]
    rows = await connection.fetch(_BY_ID, clean)
    known = [row["question_id"] for row in rows]
    attempts = defaultdict(list)
    for attempt in await connection.fetch(_ATTEMPTS, known) if known else ():
        attempts[attempt["question_id"]].append(attempt_of(attempt))
    found = {
        row["question_id"]: question_of(row, tuple(attempts[row["question_id"]])) for row in rows
    }
    return [found.get(question_id) for question_id in clean]


async def read_page(connection: Any, status: Status | None, limit: int, cursor: str | None) -> Page:
    """Return a page of questions, newest first."""
    size = page_size(limit)
    below = (
        None
        if cursor is None
        else Position(decode_cursor(cursor).accepted_at, clean_text(decode_cursor(cursor)[1]))
    )
    match (status, below):
        case (None, None):
            rows = await connection.fetch(_NEWEST, size + 1)
        case (None, Position()):
            rows = await connection.fetch(_NEWEST_BELOW, size + 1, *below)
        case (_, None):
            rows = await connection.fetch(_OF_STATUS, size + 1, str(status))
        case _:
            rows = await connection.fetch(_OF_STATUS_BELOW, size + 1, str(status), *below)
    questions = tuple(map(question_of, rows[:size]))
    if len(rows) <= size:
        return Page(questions, None)
    last = questions[-1]
    return Page(questions, encode_cursor(Position(last.accepted_at, last.question_id)))


async def read_counts(connection: Any) -> dict[Status, int]:
    """Return the number of questions by status."""
    rows = await connection.fetch("SELECT status, count(*) FROM questions GROUP BY status")
    return {Status(status): count for status, count in rows}


async def read_backlog(connection: Any, at_most: int) -> int:
    """Return the number of questions without an end, looking at no more than `at_most`."""
    unfinished = [str(status) for status in Status if not status.final]
    count: int = await connection.fetchval(_BACKLOG, unfinished, at_most)
    return count

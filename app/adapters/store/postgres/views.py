"""What people look at, from PostgreSQL: each read has a bound, and an index that serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.cursor import Position, decode_cursor, encode_cursor, page_size
from app.adapters.store.postgres.pool import PostgresPool
from app.adapters.store.postgres.rows import question_of
from app.adapters.store.text import clean_text
from app.core.lifecycle import Status, Turn
from app.ports.views import LOOK_AT, FoundPage, InProgress, LedgerDetail, WaitGroup, WaitPage

_UNFINISHED = [str(status) for status in Status if not status.final]

_COUNTS = """
SELECT status, count(*), min(accepted_at) FROM questions
WHERE status = ANY($1::text[]) GROUP BY status
"""
_WAITS_BY_CAUSE = """
SELECT coalesce(cause, '') AS cause, count(*), min(due_at) FROM questions
WHERE status = 'waiting' AND due_at IS NOT NULL GROUP BY 1
"""
_DUE_COUNTS = """
SELECT width_bucket(due_at, $1::float8[]) AS bucket, count(*) FROM questions
WHERE status = 'waiting' AND due_at IS NOT NULL AND ($2::text IS NULL OR cause = $2)
GROUP BY bucket
"""
_WAITS = """
SELECT * FROM questions
WHERE status = 'waiting' AND (due_at, question_id) > ($2::float8, $3::text)
    AND ($4::text IS NULL OR cause = $4)
ORDER BY due_at, question_id LIMIT $1
"""

# Both walk down the same index, from the same place: first how far this search may go, then what
# is found on the way.
_DOWN = "ORDER BY accepted_at DESC, question_id DESC"
_OF_STATUS = "WHERE status = $1 AND (accepted_at, question_id) < ($2, $3::text)"
_ALL = "WHERE $1::text IS NULL AND (accepted_at, question_id) < ($2, $3::text)"
_BOUND = "SELECT accepted_at, question_id FROM questions {where} {down} OFFSET $4 LIMIT 1"
_FOUND = """
SELECT * FROM questions {where} AND (accepted_at, question_id) >= ($4, $5::text)
    AND (strpos(lower(concat_ws(chr(10), question_text, original_answer, answer)), $6) > 0
        OR starts_with(question_id, $7)
        OR $8 AND strpos(concat_ws(chr(10), question_text, original_answer, answer), $7) > 0)
{down} LIMIT $9
"""
_LEDGER = """
SELECT round, generation, attempt, detail, http_status, retry_after_seconds, finish_reason
FROM attempts WHERE question_id = $1 ORDER BY round, generation, attempt
"""
_TOP = Position(float("inf"), "")
_BOTTOM = Position(float("-inf"), "")


class PostgresViews:
    """Implements `ViewStore` on the pool of the store."""

    _pool: PostgresPool

    async def in_progress(self) -> InProgress:
        return await self._pool.run(_read_in_progress)

    async def due_counts(self, edges: Sequence[float], cause: str | None = None) -> list[int]:
        wanted = None if cause is None else clean_text(cause)

        async def work(connection: Any) -> list[int]:
            found = dict(await connection.fetch(_DUE_COUNTS, list(map(float, edges)), wanted))
            return [found.get(bucket, 0) for bucket in range(len(edges) + 1)]

        return await self._pool.run(work, transaction=False)

    async def waits(
        self, *, cause: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> WaitPage:
        size = page_size(limit)
        after = _BOTTOM if cursor is None else decode_cursor(cursor)
        wanted = None if cause is None else clean_text(cause)

        async def work(connection: Any) -> WaitPage:
            rows = await connection.fetch(_WAITS, size + 1, after[0], clean_text(after[1]), wanted)
            questions = tuple(map(question_of, rows[:size]))
            if len(rows) <= size:
                return WaitPage(questions, None)
            last = rows[size - 1]
            position = Position(last["due_at"], last["question_id"])
            return WaitPage(questions, encode_cursor(position))

        return await self._pool.run(work, transaction=False)

    async def search(
        self,
        text: str,
        *,
        status: Status | None = None,
        limit: int = 50,
        cursor: str | None = None,
        look_at: int = LOOK_AT,
    ) -> FoundPage:
        size = page_size(limit)
        below = _TOP if cursor is None else decode_cursor(cursor)
        start = (None if status is None else str(status), below[0], clean_text(below[1]))
        where = _ALL if status is None else _OF_STATUS
        # A database of locale C folds ASCII alone: other letters are also looked for as they are.
        words = (clean_text(text).lower(), clean_text(text), not text.isascii())

        async def work(connection: Any) -> FoundPage:
            bound = await connection.fetchrow(
                _BOUND.format(where=where, down=_DOWN), *start, look_at - 1
            )
            lowest = _BOTTOM if bound is None else Position(*bound)
            rows = await connection.fetch(
                _FOUND.format(where=where, down=_DOWN), *start, *lowest, *words, size + 1
            )
            questions = tuple(map(question_of, rows[:size]))
            if len(rows) > size:
                last = questions[-1]
                position = Position(last.accepted_at, last.question_id)
                return FoundPage(questions, encode_cursor(position), position.accepted_at)
            if bound is None:
                return FoundPage(questions, None, None)
            return FoundPage(questions, encode_cursor(lowest), lowest.accepted_at)

        return await self._pool.run(work)

    async def ledger_details(self, question_id: str) -> list[LedgerDetail]:
        async def work(connection: Any) -> list[LedgerDetail]:
            rows = await connection.fetch(_LEDGER, clean_text(question_id))
            return [LedgerDetail(Turn(*row[:3]), *row[3:]) for row in map(tuple, rows)]

        return await self._pool.run(work, transaction=False)


async def _read_in_progress(connection: Any) -> InProgress:
    states = await connection.fetch(_COUNTS, _UNFINISHED)
    waits = await connection.fetch(_WAITS_BY_CAUSE)
    return InProgress(
        counts={Status(status): count for status, count, _ in states},
        oldest_at=min((oldest for _, _, oldest in states), default=None),
        waits=tuple(WaitGroup(*row) for row in sorted(map(tuple, waits))),
    )

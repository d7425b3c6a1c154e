"""Dead letters and redrives in PostgreSQL: a part of `PostgresStore`.

Rows are locked in the order of their keys, questions before letters, as `finish` does it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from app.adapters.store.facts import clean_question, fold_rows
from app.adapters.store.postgres.pool import PostgresPool
from app.adapters.store.postgres.questions import lock_questions, put_questions, read_statuses
from app.adapters.store.postgres.rows import columns, dead_letter_of, redrive_of
from app.adapters.store.text import clean_json, clean_optional, clean_text
from app.core.redrive import (
    Arrived,
    AsBytes,
    AsQuestion,
    Decision,
    Known,
    LetterFilter,
    Origin,
    Refusal,
    Refused,
    decide,
)
from app.ports.letters import DeadLetterRow, LetterCount, LetterPosition, LetterWish, RedriveRecord

Result = TypeVar("Result")

# A parameter that is NULL asks nothing, and the indexes serve what is asked, because PostgreSQL
# plans with the values. After five runs it would plan once for all values, and read every row.
_PLAN_WITH_VALUES = "SET LOCAL plan_cache_mode = 'force_custom_plan'"
_FITS = """
    ($1::text[] IS NULL OR cause = ANY($1))
    AND ($2::text IS NULL OR origin_topic = $2)
    AND ($3::float8 IS NULL OR dead_at >= $3)
    AND ($4::float8 IS NULL OR dead_at < $4)
    AND ($5::int = 0 OR attempts >= $5)
    AND ($6::text IS NULL OR question_id = $6)
    AND ($7::text = 'all' OR (sent_at IS NULL) = ($7::text = 'open'))
"""
# The index of open letters serves only where its condition is written out.
_OPEN = "AND sent_at IS NULL"
_HEAD = """origin_topic, origin_partition, origin_offset, cause, detail, first_seen_at, dead_at,
    attempts, question_id, round, generation, attempt, octet_length(value) AS size,
    redrive_id, claimed_at, sent_at, new_round, trace_context"""
_PLACE = "(dead_at, origin_topic, origin_partition, origin_offset)"


def _page(columns_: str, condition: str, newest_first: bool) -> str:
    way, sign = ("DESC", "<") if newest_first else ("ASC", ">")
    order = ", ".join(f"{name} {way}" for name in _PLACE.strip("()").split(", "))
    return (
        f"SELECT {columns_} FROM dead_letters WHERE {_FITS} {condition}"  # noqa: S608 (constants)
        f" AND ($8::float8 IS NULL OR {_PLACE} {sign} ($8, $9::text, $10::int, $11::bigint))"
        f" ORDER BY {order} LIMIT $12"
    )


# Every statement is made here, of constants only: (open only, newest first, with bytes).
_PAGES = {
    (open_only, newest_first, with_bytes): _page(
        f"{_HEAD}, key, value" if with_bytes else f"{_HEAD}, NULL AS key, NULL AS value",
        _OPEN if open_only else "",
        newest_first,
    )
    for open_only in (False, True)
    for newest_first in (False, True)
    for with_bytes in (False, True)
}

_BY_ORIGIN = f"""
SELECT {_HEAD}, key, value FROM dead_letters
JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS wanted (topic, partition, of)
    ON (origin_topic, origin_partition, origin_offset) = (topic, partition, of)
"""  # noqa: S608 (constants)

_STATE = """CASE WHEN claimed_at IS NULL THEN 'open'
    WHEN sent_at IS NULL THEN 'redriving' ELSE 'redriven' END"""

_COUNTS = f"""
SELECT cause COLLATE "C" AS cause, origin_topic, {_STATE} AS state, count(*)
FROM dead_letters WHERE {_FITS} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 (constants)

_PURGE = f"""
DELETE FROM dead_letters WHERE {_FITS} AND (claimed_at IS NULL OR sent_at IS NOT NULL)
"""  # noqa: S608 (constants)

_BEGIN = """
INSERT INTO redrives (started_at, last_at, by_whom, filter, transform, planned)
VALUES ($1, $1, $2, $3::json, $4, $5) RETURNING redrive_id
"""

_LOCK = """
SELECT origin_topic, origin_partition, origin_offset, cause, detail, first_seen_at, dead_at,
    attempts, question_id, round, generation, attempt, NULL AS key, NULL AS value, NULL AS size,
    redrive_id, claimed_at, sent_at, new_round, trace_context
FROM dead_letters
WHERE (origin_topic, origin_partition, origin_offset) IN (
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))
ORDER BY origin_topic, origin_partition, origin_offset FOR UPDATE
"""

_MARK = """
UPDATE dead_letters SET
    redrive_id = $1, claimed_at = $2, sent_at = mark.sent_at, new_round = mark.new_round
FROM unnest($3::text[], $4::int[], $5::bigint[], $6::float8[], $7::int[])
    AS mark (topic, partition, of, sent_at, new_round)
WHERE (origin_topic, origin_partition, origin_offset) = (topic, partition, of)
"""

_SENT = """
UPDATE dead_letters SET sent_at = $2
FROM unnest($3::text[], $4::int[], $5::bigint[]) AS gone (topic, partition, of)
WHERE (origin_topic, origin_partition, origin_offset) = (topic, partition, of)
    AND redrive_id = $1 AND sent_at IS NULL
"""

_REDRIVES = """
SELECT * FROM redrives WHERE $2::bigint IS NULL OR redrive_id = $2
ORDER BY redrive_id DESC LIMIT $1
"""

_ADD = """
UPDATE redrives SET last_at = $2, sent = sent + $3, refused = refused + $4, failed = failed + $5
WHERE redrive_id = $1
"""


class PostgresLetters:
    """Implements `DeadLetterStore` on the pool of the store."""

    _pool: PostgresPool

    async def dead_letters(
        self,
        wanted: LetterFilter | None = None,
        *,
        after: LetterPosition | None = None,
        limit: int = 100,
        newest_first: bool = False,
        with_bytes: bool = True,
    ) -> list[DeadLetterRow]:
        values = _values(wanted)
        statement = _PAGES[values[-1] == "open", newest_first, with_bytes]
        place = after or (None, None, None, None)
        return await self._planned(lambda c: _letters(c, statement, *values, *place, limit))

    async def dead_letters_by_origin(self, origins: Sequence[Origin]) -> list[DeadLetterRow]:
        wanted = columns(dict.fromkeys(_clean(origin) for origin in origins), 3)
        return await self._read(lambda c: _letters(c, _BY_ORIGIN, *wanted))

    async def dead_letter_counts(self, wanted: LetterFilter) -> list[LetterCount]:
        rows = await self._planned(lambda c: c.fetch(_COUNTS, *_values(wanted)))
        return [LetterCount(*row) for row in rows]

    async def purge_dead_letters(self, wanted: LetterFilter) -> int:
        return await self._pool.run(lambda c: _affected(c, _PURGE, *_values(wanted)))

    async def begin_redrive(self, record: RedriveRecord) -> int:
        values = (
            float(record.started_at),
            clean_text(record.by_whom),
            json.dumps(clean_json(record.filter), ensure_ascii=False),
            clean_optional(record.transform),
            record.planned,
        )
        redrive_id: int = await self._pool.run(lambda c: c.fetchval(_BEGIN, *values))
        return redrive_id

    async def claim_dead_letters(
        self, redrive_id: int, wishes: Sequence[LetterWish], now: float
    ) -> dict[Origin, Decision]:
        return await self._pool.run(lambda c: _claim(c, redrive_id, wishes, now))

    async def dead_letters_sent(
        self, redrive_id: int, origins: Sequence[Origin], now: float, *, refused: int, failed: int
    ) -> int:
        async def work(connection: Any) -> int:
            gone = columns(sorted(set(origins)), 3)
            marked = await _affected(connection, _SENT, redrive_id, float(now), *gone)
            await connection.execute(_ADD, redrive_id, float(now), marked, refused, failed)
            return marked

        return await self._pool.run(work)

    async def redrives(self, limit: int = 50, *, only: int | None = None) -> list[RedriveRecord]:
        rows = await self._read(lambda c: c.fetch(_REDRIVES, limit, only))
        return [redrive_of(row) for row in rows]

    async def _planned(self, work: Callable[[Any], Awaitable[Result]]) -> Result:
        """Run a read whose statement is planned anew, with its values."""

        async def planned(connection: Any) -> Result:
            await connection.execute(_PLAN_WITH_VALUES)
            return await work(connection)

        return await self._pool.run(planned)

    async def _read(self, work: Callable[[Any], Awaitable[Result]]) -> Result:
        return await self._pool.run(work, transaction=False)


def _values(wanted: LetterFilter | None) -> tuple[Any, ...]:
    """Return the parameters of `_FITS`."""
    if wanted is None:
        return (None, None, None, None, 0, None, "all")
    return (
        [clean_text(cause) for cause in wanted.causes] or None,
        clean_optional(wanted.topic),
        None if wanted.since is None else float(wanted.since),
        None if wanted.until is None else float(wanted.until),
        wanted.attempts_at_least,
        clean_optional(wanted.question_id),
        str(wanted.state),
    )


async def _letters(connection: Any, statement: str, *values: Any) -> list[DeadLetterRow]:
    return [dead_letter_of(row) for row in await connection.fetch(statement, *values)]


def _clean(origin: Origin) -> Origin:
    return origin._replace(topic=clean_text(origin.topic))


async def _affected(connection: Any, statement: str, *values: Any) -> int:
    tag: str = await connection.execute(statement, *values)
    return int(tag.rpartition(" ")[2])


async def _claim(
    connection: Any, redrive_id: int, wishes: Sequence[LetterWish], now: float
) -> dict[Origin, Decision]:
    wished = {wish.origin: wish for wish in wishes}
    questions = [wish.question for wish in wished.values() if wish.question is not None]
    await lock_questions(connection, [each.question_id for each in questions])
    letters = {
        letter.origin: letter for letter in await _letters(connection, _LOCK, *columns(wished, 3))
    }
    ids = sorted({letter.question_id for letter in letters.values() if letter.question_id})
    standing = await read_statuses(connection, ids)
    found: dict[Origin, Decision] = {}
    marks: list[tuple[Any, ...]] = []
    begun = []
    for origin, wish in wished.items():
        letter = letters.get(origin)
        if letter is None:
            found[origin] = Refused(Refusal.NOT_FOUND)
            continue
        known = standing.get(letter.question_id or "")
        decision = decide(
            letter.mark, letter.question_id, letter.turn, Known(*known) if known else None, now
        )
        match decision:
            case Refused():
                pass
            case Arrived(round_):
                marks.append((*origin, float(now), round_))
            case _ if decision != wish.decision:
                decision = Refused(Refusal.CHANGED)
            case AsQuestion(round_):
                marks.append((*origin, None, round_))
                if wish.question is not None and letter.question_id is not None:
                    row = clean_question(wish.question)
                    begun.append(row)
                    standing[letter.question_id] = (row.status, row.turn)
            case AsBytes():
                marks.append((*origin, None, None))
        found[origin] = decision
    await put_questions(connection, fold_rows(begun))
    if marks:
        await connection.execute(
            _MARK, redrive_id, float(now), *columns(sorted(marks, key=_origin_of), 5)
        )
    return found


def _origin_of(mark: Sequence[Any]) -> Origin:
    return Origin(*mark[:3])

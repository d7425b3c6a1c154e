"""One save of a partition: the offset is compared and set first, so that one writer wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.adapters.store.postgres.rating_rows import (
    TOTAL_COLUMNS,
    newest_by_id,
    recommendation_values,
    totals_values,
)
from app.adapters.store.postgres.rating_segments import SegmentKey, parts_of, write_segment
from app.adapters.store.postgres.rows import columns
from app.core.ratings.changes import Changes, MovieTotal, UserRecommendation

_NAMES = ", ".join(TOTAL_COLUMNS)
_VALUES = ", ".join(f"${number}" for number in range(4, 4 + len(TOTAL_COLUMNS)))
_GO_ON = f"""
UPDATE rating_partitions SET
    (next_offset, updated_at, {_NAMES}) = ($3, clock_timestamp(), {_VALUES})
WHERE partition = $1 AND next_offset = $2
"""  # noqa: S608 (constants)
_BEGIN = f"""
INSERT INTO rating_partitions (partition, next_offset, {_NAMES})
SELECT $1, $3, {_VALUES} WHERE $2::bigint = 0
ON CONFLICT (partition) DO NOTHING
"""
_MOVIES = """
INSERT INTO rating_movies (movie_id, partition, ratings, sum_halves, last_timestamp)
SELECT movie_id, $1, ratings, sum_halves, last_timestamp
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS changed (movie_id, ratings, sum_halves, last_timestamp)
ON CONFLICT (movie_id, partition) DO UPDATE SET
    ratings = excluded.ratings,
    sum_halves = excluded.sum_halves,
    last_timestamp = excluded.last_timestamp
"""
_RECOMMENDATIONS = """
INSERT INTO rating_recommendations (user_id, movies, model, ratings, made_at)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bigint[], $5::float8[])
ON CONFLICT (user_id) DO UPDATE SET
    movies = excluded.movies,
    model = excluded.model,
    ratings = excluded.ratings,
    made_at = excluded.made_at
"""
_FORGET = "TRUNCATE rating_partitions, rating_movies, rating_segments, rating_recommendations"


@dataclass(frozen=True, slots=True)
class Written:
    """What a save did: whether it was the partition's first, and the segments it wrote."""

    first: bool
    segments: list[SegmentKey]


async def write_changes(connection: Any, changes: Changes) -> Written | None:
    """Write a save's rows; None, and nothing, when the stored offset is another one."""
    values = (
        changes.partition,
        changes.from_offset,
        changes.next_offset,
        *totals_values(changes.totals),
    )
    first = False
    if await connection.execute(_GO_ON, *values) == "UPDATE 0":
        if await connection.execute(_BEGIN, *values) == "INSERT 0 0":
            return None
        first = True
    await _write_movies(connection, changes.partition, changes.movies)
    segments = [
        await write_segment(
            connection, changes.partition, changes.from_offset, changes.next_offset, part
        )
        for part in parts_of(changes.segment)
    ]
    await _write_recommendations(connection, changes.recommendations)
    return Written(first, segments)


async def forget_everything(connection: Any) -> int:
    """Empty the tables; return how many partitions there were."""
    await connection.execute("LOCK TABLE rating_partitions IN ACCESS EXCLUSIVE MODE")
    partitions: int = await connection.fetchval("SELECT count(*) FROM rating_partitions")
    await connection.execute(_FORGET)
    return partitions


async def _write_movies(connection: Any, partition: int, movies: Iterable[MovieTotal]) -> None:
    rows = newest_by_id(list(movies))
    if rows:
        await connection.execute(_MOVIES, partition, *columns(rows, 4))


async def _write_recommendations(
    connection: Any, recommendations: Iterable[UserRecommendation]
) -> None:
    rows = newest_by_id([recommendation_values(each) for each in recommendations])
    if rows:
        await connection.execute(_RECOMMENDATIONS, *columns(rows, 5))

"""Segments of the ratings' journal: read by parts of some megabytes, and merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.adapters.store.postgres.rating_rows import read_movies, totals_of
from app.core.ratings.changes import SEGMENT_ROW_BYTES, MovieTotal, Totals

#: One statement reads or writes at most so much, unless one row of the journal is larger.
PART_BYTES = 8 * 1024 * 1024 // SEGMENT_ROW_BYTES * SEGMENT_ROW_BYTES
#: A quiet stream leaves a small segment each second.
PART_SEGMENTS = 5000
DELETE_SECONDS = 60.0

_KEYS = """
SELECT next_offset, id, octet_length(body) AS size FROM rating_segments
WHERE partition = $1 ORDER BY next_offset, id
"""
_BODIES = """
SELECT body FROM rating_segments
WHERE partition = $1 AND next_offset BETWEEN $2 AND $3 AND id = ANY($4::bigint[])
ORDER BY next_offset, id
"""
_ENDED = """
SELECT next_offset, id, from_offset FROM rating_segments
WHERE partition = $1 AND next_offset <= $2 ORDER BY next_offset, id
"""
_INSERT = """
INSERT INTO rating_segments (partition, from_offset, next_offset, body)
VALUES ($1, $2, $3, $4) RETURNING id
"""
# The partition is looked at first: `reset` locks that table, and waits for who has begun.
_REACHED = "SELECT FROM rating_partitions WHERE partition = $1 AND next_offset >= $2"
_DELETE = """
DELETE FROM rating_segments
WHERE partition = $1 AND next_offset <= $2 AND id = ANY($3::bigint[])
"""


class SegmentsChanged(Exception):
    """Somebody else has merged the segments in the meantime: the transaction is to roll back."""


class SegmentKey(NamedTuple):
    """Which segment of a partition; in the order of the journal."""

    next_offset: int
    id: int


class Snapshot(NamedTuple):
    """A partition without the bodies of its segments, which are known by key and size."""

    next_offset: int
    totals: Totals
    movies: list[MovieTotal]
    sizes: dict[SegmentKey, int]


async def read_snapshot(connection: Any, partition: int) -> Snapshot:
    """Read a partition as it is at one moment; call it first in a transaction."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    row = await connection.fetchrow(
        "SELECT * FROM rating_partitions WHERE partition = $1", partition
    )
    if row is None:
        return Snapshot(0, Totals(), [], {})
    movies = await read_movies(connection, partition)
    found = await connection.fetch(_KEYS, partition)
    sizes = {SegmentKey(next_offset, number): size for next_offset, number, size in found}
    return Snapshot(row["next_offset"], totals_of(row), movies, sizes)


async def read_bodies(connection: Any, partition: int, keys: Sequence[SegmentKey]) -> list[bytes]:
    """Return the bodies of neighbouring segments in their order, those that are there."""
    first, last = keys[0].next_offset, keys[-1].next_offset
    rows = await connection.fetch(_BODIES, partition, first, last, [key.id for key in keys])
    return [row["body"] for row in rows]


async def write_segment(
    connection: Any, partition: int, from_offset: int, next_offset: int, body: bytes
) -> SegmentKey:
    """Add a segment to the journal."""
    values = partition, from_offset, next_offset, body
    return SegmentKey(next_offset, await connection.fetchval(_INSERT, *values))


async def merge_segments(
    connection: Any,
    partition: int,
    upto: int,
    known: Sequence[SegmentKey],
    bodies: Iterable[bytes],
) -> list[SegmentKey]:
    """Put `bodies` in the place of the segments `known`, and return their keys.

    Raises SegmentsChanged when those are not all there, as the only ones. No lock is needed: saves
    only add what ends later, and of two merges one deletes the old rows.
    """
    if await connection.fetchrow(_REACHED, partition, upto) is None:
        raise SegmentsChanged
    found = await connection.fetch(_ENDED, partition, upto)
    if [(row["next_offset"], row["id"]) for row in found] != list(known):
        raise SegmentsChanged
    first, last = min(row["from_offset"] for row in found), known[-1].next_offset
    merged = [
        await write_segment(connection, partition, first, last, part)
        for body in bodies
        for part in parts_of(body)
    ]
    ids = [key.id for key in known]
    deleted = await connection.execute(_DELETE, partition, upto, ids, timeout=DELETE_SECONDS)
    if deleted != f"DELETE {len(known)}":
        raise SegmentsChanged
    return merged


def parts_of(body: bytes) -> Iterator[bytes]:
    """Cut a body at rows of the journal into parts of at most `PART_BYTES`."""
    if len(body) <= PART_BYTES:
        if body:
            yield body
        return
    for start in range(0, len(body), PART_BYTES):
        yield body[start : start + PART_BYTES]


def in_parts(sizes: Mapping[SegmentKey, int]) -> Iterator[list[SegmentKey]]:
    """Group neighbouring segments to reads of at most `PART_BYTES`, or one that is longer."""
    group: list[SegmentKey] = []
    total = 0
    for key, size in sizes.items():
        if group and (total + size > PART_BYTES or len(group) >= PART_SEGMENTS):
            yield group
            group, total = [], 0
        group.append(key)
        total += size
    if group:
        yield group

"""Segments: the journal's rows as bytes (see `app.core.ratings.changes`), and merging them."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

from app.core.ratings.changes import SEGMENT_ROW, SEGMENT_ROW_BYTES
from app.core.ratings.user_ratings import UserRatings

#: Rows of one merged body: 4 MB, a size that one statement stores easily.
BODY_ROWS = 250_000
#: A journal below this is not worth merging.
SMALL_BYTES = 4_000_000


def rows_to_bytes(rows: Sequence[int]) -> bytes:
    """Return a segment of flat pairs: `movie_id << 32 | user_id`, then the mark."""
    packed = array("q", rows)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def rows_of(segment: bytes) -> Iterator[tuple[int, int, int]]:
    """Return (user id, movie id, mark) of each row, in order."""
    return struct.iter_unpack(SEGMENT_ROW, segment)


def users_of(segments: Iterable[bytes]) -> UserRatings:
    """Return every user's current ratings: later rows replace earlier ones."""
    users = UserRatings()
    for segment in segments:
        for user, movie, mark in rows_of(segment):
            users.put(user, movie, mark)
    return users


def merged(segments: Iterable[bytes], body_rows: int = BODY_ROWS) -> list[bytes]:
    """Return bodies that hold the same current ratings, by user and movie, without the others."""
    bodies: list[bytes] = []
    rows: list[int] = []
    for user, movies, marks in users_of(segments).histories():
        for movie, mark in zip(movies, marks, strict=True):
            rows += (movie << 32 | user, mark)
        if len(rows) >= 2 * body_rows:
            bodies.append(rows_to_bytes(rows))
            rows.clear()
    if rows:
        bodies.append(rows_to_bytes(rows))
    return bodies


def worth_merging(journal_bytes: int, ratings: int) -> bool:
    """Whether more than half of a journal is ratings that were replaced, and it is not small."""
    return journal_bytes > max(SMALL_BYTES, 2 * SEGMENT_ROW_BYTES * ratings)

"""Segments: the journal's rows as bytes (see `app.core.ratings.changes`), and merging them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

from app.core.ratings.changes import SEGMENT_ROW_BYTES
from app.core.ratings.user_ratings import UserRatings

#: Rows of one merged body: 4 MB, a size that one statement stores easily.
BODY_ROWS = 250_000
#: A journal below this is not worth merging.
SMALL_BYTES = 4_000_000
#: A quiet stream leaves a small segment a second: so many are an hour's, and slow to load.
MANY_SEGMENTS = 3_600

_LOW_BITS = 2**32 - 1


def segment_of(users: Sequence[int], movies: Sequence[int], marks: Sequence[int]) -> bytes:
    """Return ratings, given side by side, as a segment: a row is two integers of 64 bits."""
    rows = array("q", bytes(SEGMENT_ROW_BYTES * len(marks)))
    rows[0::2] = array("q", [movie << 32 | user for user, movie in zip(users, movies, strict=True)])
    rows[1::2] = array("q", marks)
    if sys.byteorder == "big":
        rows.byteswap()
    return rows.tobytes()


def columns_of(segment: bytes) -> tuple[list[int], list[int], list[int]]:
    """Return the user ids, movie ids and marks of a segment's rows, in order."""
    rows = array("q")
    rows.frombytes(segment)
    if sys.byteorder == "big":
        rows.byteswap()
    keys = rows[0::2]
    return [key & _LOW_BITS for key in keys], [key >> 32 for key in keys], rows[1::2].tolist()


def users_of(segments: Iterable[bytes]) -> UserRatings:
    """Return every user's current ratings: later rows replace earlier ones."""
    users = UserRatings()
    for segment in segments:
        users.put_all(*columns_of(segment))
    return users


def merged(segments: Iterable[bytes], body_rows: int = BODY_ROWS) -> list[bytes]:
    """Return bodies that hold the same current ratings, by user and movie, without the others."""
    bodies: list[bytes] = []
    users, movies, marks = list[int](), list[int](), list[int]()
    for user, rated, their_marks in users_of(segments).histories():
        users += [user] * len(rated)
        movies += rated
        marks += their_marks
        if len(marks) >= body_rows:
            bodies.append(segment_of(users, movies, marks))
            users, movies, marks = [], [], []
    if marks:
        bodies.append(segment_of(users, movies, marks))
    return bodies


def worth_merging(journal_bytes: int, segments: int, ratings: int) -> bool:
    """Whether more than half of a journal that is not small is ratings that were replaced, or it
    is in very many pieces: more than twice as many as bodies that would hold its ratings.
    """
    if segments > MANY_SEGMENTS + 2 * ratings // BODY_ROWS:
        return True
    return journal_bytes > max(SMALL_BYTES, 2 * SEGMENT_ROW_BYTES * ratings)

"""Changes of the ratings' state, with what a test does not care about filled in."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from app.core.ratings.changes import (
    SEGMENT_ROW,
    Changes,
    MovieTotal,
    RecommendedMovie,
    Totals,
    UserRecommendation,
    Window,
    halves_of,
    mark_of,
    timestamp_of,
)
from app.ports.ratings import RatingStore

#: Totals in which every field is another number.
FULL = Totals(
    valid=11,
    duplicate=2,
    stale=3,
    rejected={"malformed": 4, "type": 1},
    out_of_order=5,
    late=6,
    future=7,
    users=8,
    by_halves=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    predicted=9,
    squared_error=10.1,
    watermark=1_600_000_000_000,
    windows=[Window(1_600_000_000_000, 3, 15), Window(1_600_000_060_000, 1, 9)],
)


def changes(
    from_offset: int = 0,
    next_offset: int = 1,
    *,
    partition: int = 0,
    totals: Totals | None = None,
    movies: Sequence[MovieTotal] = (),
    segment: bytes = b"",
    recommendations: Sequence[UserRecommendation] = (),
) -> Changes:
    return Changes(
        partition,
        from_offset,
        next_offset,
        Totals() if totals is None else totals,
        movies,
        segment,
        recommendations,
    )


def movie(
    movie_id: int, ratings: int = 1, sum_halves: int = 9, last_timestamp: int = 5_000
) -> MovieTotal:
    return MovieTotal(movie_id, ratings, sum_halves, last_timestamp)


def recommendation(
    user_id: int, *, model: str = "als-1", ids: Sequence[int] = (7, 8)
) -> UserRecommendation:
    movies = tuple(RecommendedMovie(n, 4.5 - i / 3, 1 / (i + 1)) for i, n in enumerate(ids))
    return UserRecommendation(user_id, movies, model, 12, 1_700_000_000.125)


def segment(*ratings: tuple[int, int, int, int]) -> bytes:
    """Return a segment of (user, movie, timestamp, halves)."""
    return b"".join(
        struct.pack(SEGMENT_ROW, user, movie_id, mark_of(timestamp, halves))
        for user, movie_id, timestamp, halves in ratings
    )


def rows(body: bytes) -> list[tuple[int, int, int, int]]:
    """Return what `segment` was given."""
    return [
        (user, movie_id, timestamp_of(mark), halves_of(mark))
        for user, movie_id, mark in struct.iter_unpack(SEGMENT_ROW, body)
    ]


async def offsets_of(store: RatingStore, *partitions: int) -> list[int]:
    """Return where partitions stand."""
    return [(await store.load(partition)).next_offset for partition in partitions]

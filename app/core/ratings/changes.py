"""What the state of one partition of `ratings` tells the store, and gets back from it.

A partition's state is a pure function of its log up to `next_offset`. Each save carries what
changed together with that offset, in one transaction.

A *segment* is the journal of one save: the ratings that were applied, in order, as little-endian
rows of 16 bytes: user id (uint32), movie id (uint32), mark (int64). A *mark* is
`timestamp_ms * 16 + halves`: marks of one user and movie compare as their times do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SEGMENT_ROW = "<IIq"
SEGMENT_ROW_BYTES = 16


def mark_of(timestamp_ms: int, halves: int) -> int:
    return timestamp_ms * 16 + halves


def halves_of(mark: int) -> int:
    return mark & 15


def timestamp_of(mark: int) -> int:
    """Return the timestamp of a mark, in Unix milliseconds."""
    return mark >> 4


class MovieTotal(NamedTuple):
    """Current ratings of one movie in one partition: absolute figures, not differences."""

    movie_id: int
    ratings: int
    sum_halves: int
    last_timestamp: int
    """Unix milliseconds."""


class Window(NamedTuple):
    """Valid ratings whose own time lies in `[start, start + WINDOW_MS)`, in one partition."""

    start: int
    """Unix milliseconds."""
    ratings: int
    sum_halves: int


@dataclass(slots=True)
class Totals:
    """Counts of one partition since its first offset. Every event is in exactly one of
    `valid` (applied), `duplicate`, `stale` and `rejected`."""

    valid: int = 0
    duplicate: int = 0
    """The same user, movie and timestamp again."""
    stale: int = 0
    """Older than the rating of the same user and movie that is known."""
    rejected: dict[str, int] = field(default_factory=dict)
    """By rule."""
    out_of_order: int = 0
    """Valid, but with a time before one that was seen earlier."""
    late: int = 0
    """Valid, but too late for its window, which had been closed."""
    future: int = 0
    """Valid, but with a time well after its arrival: in no window."""
    users: int = 0
    by_halves: list[int] = field(default_factory=lambda: [0] * 11)
    """Current ratings by half stars; index 1 is 0.5, index 10 is 5.0."""
    predicted: int = 0
    """Ratings that were predicted before they were learnt from."""
    squared_error: float = 0.0
    """Sum over those, in stars squared."""
    watermark: int = 0
    """Windows before this time (Unix milliseconds) are closed."""
    windows: list[Window] = field(default_factory=list)
    """The newest windows, ascending."""


class RecommendedMovie(NamedTuple):
    """`score` in stars, 0.5 to 5.0; `confidence` 0 to 1."""

    movie_id: int
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class UserRecommendation:
    """A user's best unseen movies, best first. `made_at` in Unix seconds."""

    user_id: int
    movies: tuple[RecommendedMovie, ...]
    model: str
    """Version of the model they come from."""
    ratings: int
    """How many of the user's ratings they rest on."""
    made_at: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What one save writes: valid only on top of `from_offset`."""

    partition: int
    from_offset: int
    next_offset: int
    totals: Totals
    movies: Sequence[MovieTotal]
    segment: bytes
    recommendations: Sequence[UserRecommendation] = ()


@dataclass(frozen=True, slots=True)
class StoredPartition:
    """What the store holds of one partition; all empty for one that was never saved."""

    next_offset: int = 0
    totals: Totals = field(default_factory=Totals)
    movies: Sequence[MovieTotal] = ()
    segments: Sequence[bytes] = ()
    """Oldest first: later rows of the same user and movie replace earlier ones."""


@dataclass(frozen=True, slots=True)
class RatingStats:
    """All partitions added up."""

    totals: Totals
    """`windows` merged by start; `watermark` is the least of the partitions that have one."""
    movies: int
    """Distinct movies with at least one current rating."""

    @property
    def mean(self) -> float | None:
        """Mean of the current ratings, in stars; None while there is none."""
        count = sum(self.totals.by_halves)
        if not count:
            return None
        return sum(h * n for h, n in enumerate(self.totals.by_halves)) / 2 / count


@dataclass(frozen=True, slots=True)
class MovieStats:
    """Current ratings of one movie, all partitions added up."""

    movie_id: int
    count: int
    mean: float
    last_timestamp: int

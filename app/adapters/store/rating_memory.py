"""The ratings' store in memory: for tests, and for runs that keep nothing."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from app.adapters.store.rating_sums import add_movie, add_totals, copy_totals
from app.core.ratings.changes import (
    Changes,
    MovieStats,
    MovieTotal,
    RatingStats,
    StoredPartition,
    Totals,
    UserRecommendation,
)


@dataclass(slots=True)
class Segment:
    number: int
    from_offset: int
    next_offset: int
    body: bytes


@dataclass(slots=True)
class Partition:
    next_offset: int = 0
    totals: Totals = field(default_factory=Totals)
    movies: dict[int, MovieTotal] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)


class RatingData:
    """What stores of several workers share: the database, as it were."""

    def __init__(self) -> None:
        self.partitions: dict[int, Partition] = {}
        self.recommendations: dict[int, UserRecommendation] = {}
        self.numbers = count(1)


class MemoryRatingStore:
    """Implements `RatingStore`. Stores over the same `data` are like workers on one database."""

    def __init__(self, data: RatingData | None = None) -> None:
        self._data = data if data is not None else RatingData()
        self._known: dict[int, list[Segment]] = {}

    async def open(self) -> None:
        """Nothing to connect."""

    async def check(self) -> str:
        return "in this process's memory"

    async def close(self) -> None:
        """Nothing to close."""

    async def load(self, partition: int) -> StoredPartition:
        found = self._data.partitions.get(partition, Partition())
        self._known[partition] = list(found.segments)
        return StoredPartition(
            next_offset=found.next_offset,
            totals=copy_totals(found.totals),
            movies=tuple(found.movies[movie_id] for movie_id in sorted(found.movies)),
            segments=tuple(segment.body for segment in found.segments),
        )

    async def save(self, changes: Changes) -> bool:
        stored = self._data.partitions.get(changes.partition)
        if changes.from_offset != (stored.next_offset if stored else 0):
            return False
        if stored is None:
            stored = self._data.partitions[changes.partition] = Partition()
            self._known[changes.partition] = []
        stored.next_offset = changes.next_offset
        stored.totals = copy_totals(changes.totals)
        stored.movies.update((movie.movie_id, movie) for movie in changes.movies)
        if changes.segment:
            segment = self._segment(changes.from_offset, changes.next_offset, changes.segment)
            stored.segments.append(segment)
            self._known.setdefault(changes.partition, []).append(segment)
        self._data.recommendations.update((each.user_id, each) for each in changes.recommendations)
        return True

    async def merge(self, partition: int, upto: int, bodies: Sequence[bytes]) -> bool:
        stored = self._data.partitions.get(partition)
        if stored is None or stored.next_offset < upto:
            return False
        known = _ended(self._known.get(partition, []), upto)
        if not known or known != _ended(stored.segments, upto):
            return False
        first, last = known[0].from_offset, known[-1].next_offset
        merged = [self._segment(first, last, body) for body in bodies if body]
        for segments in (stored.segments, self._known[partition]):
            segments[: len(known)] = merged
        return True

    async def stats(self) -> RatingStats:
        partitions = self._data.partitions.values()
        rated = {
            movie.movie_id for each in partitions for movie in filter(_rated, each.movies.values())
        }
        return RatingStats(add_totals(each.totals for each in partitions), len(rated))

    async def movie(self, movie_id: int) -> MovieStats | None:
        partitions = self._data.partitions.values()
        return add_movie(each.movies[movie_id] for each in partitions if movie_id in each.movies)

    async def popular(self, limit: int) -> Sequence[MovieTotal]:
        added: dict[int, MovieTotal] = {}
        for partition in self._data.partitions.values():
            for movie in filter(_rated, partition.movies.values()):
                other = added.get(movie.movie_id)
                added[movie.movie_id] = movie if other is None else _both(movie, other)
        return heapq.nsmallest(limit, added.values(), lambda each: (-each.ratings, each.movie_id))

    async def recommendation(self, user_id: int) -> UserRecommendation | None:
        return self._data.recommendations.get(user_id)

    async def users_with_recommendations(self) -> int:
        return len(self._data.recommendations)

    async def exposure(self) -> Mapping[int, int]:
        everyone = self._data.recommendations.values()
        return Counter(movie.movie_id for each in everyone for movie in each.movies)

    async def reset(self) -> int:
        partitions = len(self._data.partitions)
        self._data.partitions.clear()
        self._data.recommendations.clear()
        return partitions

    def _segment(self, from_offset: int, next_offset: int, body: bytes) -> Segment:
        return Segment(next(self._data.numbers), from_offset, next_offset, bytes(body))


def _ended(segments: Sequence[Segment], upto: int) -> list[Segment]:
    return [segment for segment in segments if segment.next_offset <= upto]


def _rated(movie: MovieTotal) -> bool:
    return movie.ratings > 0


def _both(one: MovieTotal, other: MovieTotal) -> MovieTotal:
    return MovieTotal(
        one.movie_id,
        one.ratings + other.ratings,
        one.sum_halves + other.sum_halves,
        max(one.last_timestamp, other.last_timestamp),
    )

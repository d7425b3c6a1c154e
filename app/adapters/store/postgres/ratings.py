"""The ratings' state in PostgreSQL: a partition's changes and its offset in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from app.adapters.store.postgres import rating_reads as reads
from app.adapters.store.postgres import rating_segments as segments
from app.adapters.store.postgres import rating_writes as writes
from app.adapters.store.postgres.pool import Limits, PostgresPool
from app.adapters.store.postgres.rating_exposure import read_exposure
from app.adapters.store.postgres.rating_segments import SegmentKey
from app.core.ratings.changes import (
    Changes,
    MovieStats,
    MovieTotal,
    RatingStats,
    StoredPartition,
    UserRecommendation,
)
from app.errors import StoreUnavailable

Value = TypeVar("Value")

#: All statements of a save, or of a merge of many segments, together. Each of them keeps to the
#: limit of a command, so that a server that hangs is noticed.
SAVE_SECONDS = 15.0
MERGE_SECONDS = 120.0
#: Reading the recommendations of every user.
EXPOSURE_SECONDS = 120.0
LOAD_TRIES = 5


class PostgresRatingStore:
    """Implements `RatingStore` on a migrated database. Constructing connects nothing.

    It remembers which segments it has loaded or written, by partition: `merge` replaces those and
    no others.
    """

    def __init__(
        self, dsn: str, pool_min: int = 0, pool_max: int = 8, *, limits: Limits | None = None
    ) -> None:
        self._pool = PostgresPool(dsn, pool_min, pool_max, limits or Limits())
        self._known: dict[int, list[SegmentKey]] = {}

    def __repr__(self) -> str:
        return f"PostgresRatingStore({self._pool.place})"

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable; the store may be used all the same, and tries again."""
        await self._pool.open()

    async def check(self) -> str:
        await self._read(reads.read_anything)
        return self._pool.place

    async def close(self) -> None:
        await self._pool.close()

    async def load(self, partition: int) -> StoredPartition:
        """The segments come in several reads: all anew when somebody merges them in between."""
        for _ in range(LOAD_TRIES):
            snapshot = await self._pool.run(
                lambda connection: segments.read_snapshot(connection, partition),
                within_seconds=SAVE_SECONDS,
            )
            bodies = await self._bodies(partition, snapshot.sizes)
            if bodies is not None:
                self._known[partition] = list(snapshot.sizes)
                return StoredPartition(
                    snapshot.next_offset, snapshot.totals, tuple(snapshot.movies), tuple(bodies)
                )
        raise StoreUnavailable(f"the segments of partition {partition} changed in every read")

    async def save(self, changes: Changes) -> bool:
        written = await self._pool.run(
            lambda connection: writes.write_changes(connection, changes),
            within_seconds=SAVE_SECONDS,
        )
        if written is None:
            return False
        if written.first:
            self._known[changes.partition] = []
        self._known.setdefault(changes.partition, []).extend(written.segments)
        return True

    async def merge(self, partition: int, upto: int, bodies: Sequence[bytes]) -> bool:
        known = [key for key in self._known.get(partition, []) if key.next_offset <= upto]
        if not known:
            return False
        try:
            merged = await self._pool.run(
                lambda connection: segments.merge_segments(
                    connection, partition, upto, known, bodies
                ),
                within_seconds=MERGE_SECONDS,
            )
        except segments.SegmentsChanged:
            return False
        self._known[partition] = [
            *merged,
            *(key for key in self._known[partition] if key.next_offset > upto),
        ]
        return True

    async def stats(self) -> RatingStats:
        return await self._read(reads.read_stats)

    async def movie(self, movie_id: int) -> MovieStats | None:
        return await self._read(lambda connection: reads.read_movie(connection, movie_id))

    async def popular(self, limit: int) -> Sequence[MovieTotal]:
        return await self._read(lambda connection: reads.read_popular(connection, limit))

    async def recommendation(self, user_id: int) -> UserRecommendation | None:
        return await self._read(lambda connection: reads.read_recommendation(connection, user_id))

    async def users_with_recommendations(self) -> int:
        return await self._read(reads.count_recommendations)

    async def exposure(self) -> Mapping[int, int]:
        return await self._pool.run(
            read_exposure, transaction=False, within_seconds=EXPOSURE_SECONDS
        )

    async def reset(self) -> int:
        forgotten = await self._pool.run(writes.forget_everything, within_seconds=SAVE_SECONDS)
        self._known.clear()
        return forgotten

    async def _bodies(self, partition: int, sizes: dict[SegmentKey, int]) -> list[bytes] | None:
        """Return the bodies of segments in their order; None when one is not there any more."""
        bodies: list[bytes] = []
        for keys in segments.in_parts(sizes):
            found = await self._read(
                lambda connection, keys=keys: segments.read_bodies(  # type: ignore[misc]
                    connection, partition, keys
                )
            )
            if len(found) < len(keys):
                return None
            bodies += found
        return bodies

    async def _read(self, work: Callable[[Any], Awaitable[Value]]) -> Value:
        return await self._pool.run(work, transaction=False)

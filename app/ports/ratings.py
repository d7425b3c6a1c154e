"""Ports of the ratings pipeline: exact state by partition, and the recommender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.ratings.changes import (
    Changes,
    MovieStats,
    MovieTotal,
    RatingStats,
    StoredPartition,
    UserRecommendation,
)
from app.ports.clock import Clock
from app.ports.recommender import Recommender


class RatingStore(Protocol):
    """Where the ratings' state lives. Every method raises StoreUnavailable while it is away."""

    async def load(self, partition: int) -> StoredPartition:
        """Return all that is stored of a partition."""
        ...

    async def save(self, changes: Changes) -> bool:
        """Write what changed and the new offset in ONE transaction.

        False, and nothing is written, when the partition's stored offset is not
        `changes.from_offset`: somebody else has gone on with it, and the caller's state is void.
        """
        ...

    async def merge(self, partition: int, upto: int, bodies: Sequence[bytes]) -> bool:
        """Replace the segments that end at or below offset `upto` by `bodies`, in one transaction.

        `bodies` hold the same ratings with what was replaced left out. False, and nothing is
        written, when those segments are not there any more as they were (somebody else merged).
        """
        ...

    async def stats(self) -> RatingStats:
        """Return every partition's totals added up."""
        ...

    async def movie(self, movie_id: int) -> MovieStats | None:
        """Return a movie's figures; None when nobody has rated it."""
        ...

    async def popular(self, limit: int) -> Sequence[MovieTotal]:
        """Return the movies with the most current ratings, all partitions added up."""
        ...

    async def recommendation(self, user_id: int) -> UserRecommendation | None:
        """Return what was last stored for a user."""
        ...

    async def users_with_recommendations(self) -> int:
        """Return how many users have stored recommendations."""
        ...

    async def exposure(self) -> Mapping[int, int]:
        """Return by movie to how many users it is recommended, for those it is to any."""
        ...

    async def check(self) -> str:
        """Return where the data is, for people. Raises StoreUnavailable."""
        ...

    async def reset(self) -> int:
        """Forget everything; return how many partitions there were."""
        ...


@dataclass(frozen=True, slots=True)
class RatingPorts:
    """The outside world of one ratings pipeline."""

    store: RatingStore
    recommender: Recommender
    clock: Clock

"""A recommender that knows nothing: the middle of the scale for every pair, and no movie."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.ratings.changes import MovieTotal, RecommendedMovie
from app.ports.recommender import History

_MIDDLE_STARS = 3.5


class NoRecommender:
    """Implements `Recommender`."""

    version = "none"

    def predict(self, users: Sequence[int], movies: Sequence[int]) -> Sequence[float]:  # noqa: ARG002 (the port's signature)
        return [_MIDDLE_STARS] * len(users)

    def observe(self, movies: Sequence[int], halves: Sequence[int]) -> None:
        """Learn nothing."""

    def restore(self, partition: int, movies: Sequence[MovieTotal]) -> None:
        """Learn nothing."""

    def fold_in(self, histories: Sequence[History]) -> None:
        """Learn nothing."""

    def forget(self, users: Sequence[int]) -> None:
        """Nothing is known."""

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:  # noqa: ARG002 (the port's signature)
        return [[] for _ in histories]

    def fitted_on(self, user_id: int) -> int:  # noqa: ARG002 (the port's signature)
        return 0

    def popular(self, n: int) -> list[RecommendedMovie]:  # noqa: ARG002 (the port's signature)
        return []

    def reload(self) -> bool:
        return False

"""Running means: what a worker without numpy predicts and recommends by. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from app.core.ratings.changes import MovieTotal, RecommendedMovie
from app.ports.recommender import History

#: As in `app.recommender.model` and `app.recommender.movies`, which need numpy.
USUAL_STARS, MOVIE_DAMPING, POPULAR_DAMPING = 3.5, 5.0, 25.0
LOWEST, HIGHEST = 0.5, 5.0


class MeansRecommender:
    """Implements `app.ports.recommender.Recommender` for a worker that can't fit or read models."""

    version = "means"

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._halves: dict[int, int] = {}
        self._count = 0
        self._sum_halves = 0
        self._restored: dict[int, list[MovieTotal]] = {}

    def predict(self, users: Sequence[int], movies: Sequence[int]) -> Sequence[float]:
        del users
        level = self._level()
        return [self._damped(movie, level, MOVIE_DAMPING) for movie in movies]

    def observe(self, movies: Sequence[int], halves: Sequence[int]) -> None:
        counts, sums = self._counts, self._halves
        for movie, half in zip(movies, halves, strict=True):
            counts[movie] = counts.get(movie, 0) + 1
            sums[movie] = sums.get(movie, 0) + half
        self._count += len(movies)
        self._sum_halves += sum(halves)

    def restore(self, partition: int, movies: Sequence[MovieTotal]) -> None:
        for sign, totals in ((-1, self._restored.get(partition, ())), (1, movies)):
            for total in totals:
                self._add(total.movie_id, sign * total.ratings, sign * total.sum_halves)
        self._restored[partition] = list(movies)

    def _add(self, movie: int, count: int, halves: int) -> None:
        self._counts[movie] = self._counts.get(movie, 0) + count
        self._halves[movie] = self._halves.get(movie, 0) + halves
        self._count += count
        self._sum_halves += halves

    def fold_in(self, histories: Sequence[History]) -> None:
        """Do nothing: means know no users."""

    def forget(self, users: Sequence[int]) -> None:
        """Do nothing: means know no users."""

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        most = max((len(history.movies) for history in histories), default=0)
        best = self.popular(n + most)
        found = []
        for history in histories:
            rated = set(history.movies)
            found.append([movie for movie in best if movie.movie_id not in rated][:n])
        return found

    def fitted_on(self, user_id: int) -> int:
        del user_id
        return 0

    def popular(self, n: int) -> list[RecommendedMovie]:
        level = self._level()
        ranked = (
            (-self._damped(movie, level, POPULAR_DAMPING), movie)
            for movie, count in self._counts.items()
            if count
        )
        return [
            RecommendedMovie(movie, -score, self._confidence(movie))
            for score, movie in nsmallest(max(n, 0), ranked)
        ]

    def reload(self) -> bool:
        return False

    def _confidence(self, movie: int) -> float:
        count = self._counts[movie]
        return count / (count + POPULAR_DAMPING)

    def _level(self) -> float:
        """Return the mean of all ratings, mixed with one of the usual stars."""
        return (self._sum_halves / 2 + USUAL_STARS) / (self._count + 1)

    def _damped(self, movie: int, level: float, damping: float) -> float:
        count = self._counts.get(movie, 0)
        stars = (self._halves.get(movie, 0) / 2 + damping * level) / (count + damping)
        return min(max(stars, LOWEST), HIGHEST)

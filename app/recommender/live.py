"""The recommender of a running worker: a fitted model that learns from the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from app.core.ratings.changes import MovieTotal, RecommendedMovie
from app.ports.recommender import History
from app.recommender.histories import Ratings, overlaid
from app.recommender.live_tables import LiveTables
from app.recommender.model import RatingModel, empty_model
from app.recommender.movies import POPULAR_DAMPING, Doubles
from app.recommender.slots import Slot, Wholes, whole
from app.recommender.solving import Floats, solve_rows

LOWEST, HIGHEST = 0.5, 5.0
#: A user, or movie, with this many ratings has half of the confidence that ratings can give.
USER_HALF, MOVIE_HALF = 10.0, 10.0
#: Scores of users times movies that are held at once.
_SCORES_AT_ONCE = 2_000_000


class LiveRecommender:
    """Implements `app.ports.recommender.Recommender` by matrix factorisation.

    A user's vector is the regularised least squares solution of all his ratings against the movies'
    factors and biases: what the fit would give him with the movies held fixed. Without a model it
    works by means, and `newer` (called by `reload`) may give the first one later.

    A confidence is `u / (u + USER_HALF) * m / (m + MOVIE_HALF)` with the numbers of ratings of the
    user and of the movie: near 0 the score is an average, near 1 it rests on ratings.
    """

    def __init__(
        self,
        model: RatingModel | None = None,
        newer: Callable[[], LiveTables | None] = lambda: None,
    ) -> None:
        self._newer = newer
        self._restored: dict[int, tuple[Wholes, Wholes, Wholes]] = {}
        tables = LiveTables.of(model if model is not None else empty_model())
        self._model, self._movies, self._users = tables

    @property
    def version(self) -> str:
        return self._model.version

    def predict(self, users: Sequence[int], movies: Sequence[int]) -> Sequence[float]:
        vectors = self._users.vectors[self._users.find(whole(users))]
        slots = self._movies.slots.find(whole(movies))
        found = self._movies.level + self._movies.bias_of(slots)
        found += np.einsum("ij,ij->i", vectors, self._movies.known[slots])
        stars: list[float] = found.clip(LOWEST, HIGHEST).tolist()
        return stars

    def confidence(self, users: Sequence[int], movies: Sequence[int]) -> Doubles:
        """Return the confidence of each pair."""
        rated = self._users.counts[self._users.find(whole(users))]
        slots = self._movies.slots.find(whole(movies))
        found: Doubles = rated / (rated + USER_HALF) * self._founded(slots, MOVIE_HALF)
        return found

    def observe(self, movies: Sequence[int], halves: Sequence[int]) -> None:
        ids, places, counts = np.unique(whole(movies), return_inverse=True, return_counts=True)
        if len(ids):
            sums = np.bincount(places, weights=whole(halves), minlength=len(ids))
            self._movies.observe(ids, counts, sums.astype(np.int64))

    def restore(self, partition: int, movies: Sequence[MovieTotal]) -> None:
        ids, counts, halves = (
            np.array(
                [(total.movie_id, total.ratings, total.sum_halves) for total in movies],
                dtype=np.int64,
            )
            .reshape(-1, 3)
            .T
        )
        if partition in self._restored:
            old_ids, old_counts, old_halves = self._restored[partition]
            self._movies.observe(old_ids, -old_counts, -old_halves)
        self._movies.observe(ids, counts, halves)
        self._restored[partition] = ids, counts, halves

    def fold_in(self, histories: Sequence[History]) -> None:
        if not histories:
            return
        users = _ids_of(histories)
        ratings = self._known_of(histories, users)
        slots = self._movies.slots.find(ratings.movies)
        targets = ratings.stars - self._movies.level - self._movies.bias_of(slots)
        vectors = solve_rows(
            ratings.starts,
            slots,
            targets.astype(np.float32),
            self._movies.factors,
            self._model.penalty,
        )
        self._users.put(users, vectors, np.diff(ratings.starts))

    def forget(self, users: Sequence[int]) -> None:
        self._users.forget(whole(users))

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        found: list[list[RecommendedMovie]] = []
        for part in _parts(histories, _SCORES_AT_ONCE // self._movies.size):
            found += self._recommend(part, n)
        return found

    def _recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        users = _ids_of(histories)
        slots = self._users.find(users)
        known = (slots > 0) & bool(self._model.facts.ratings)
        movies, size = self._movies, self._movies.size
        scores = np.empty((len(histories), size), dtype=np.float32)
        average = (movies.level + movies.bias).astype(np.float32)
        scores[known] = self._users.vectors[slots[known]] @ movies.known[:size].T + average
        trust = self._users.counts[slots] / (self._users.counts[slots] + USER_HALF)
        if not known.all():
            scores[~known] = movies.popularity()
        ratings = self._known_of(histories, users)
        scores[ratings.rows, movies.slots.find(ratings.movies)] = -np.inf
        scores[:, 0] = -np.inf
        found = []
        for row, personal, share in zip(scores, known.tolist(), trust.tolist(), strict=True):
            best = self._best(row, n)
            if personal:
                sure = share * self._founded(best, MOVIE_HALF)
            else:
                sure = self._founded(best, POPULAR_DAMPING)
            found.append(self._as_movies(best, row[best], sure))
        return found

    def fitted_on(self, user_id: int) -> int:
        row = int(self._users.rows_in_file(whole([user_id]))[0])
        return int(np.diff(self._model.starts[row : row + 2])[0]) if row >= 0 else 0

    def popular(self, n: int) -> list[RecommendedMovie]:
        scores = self._movies.popularity()
        scores[self._movies.counts == 0] = -np.inf
        best = self._best(scores, n)
        return self._as_movies(best, scores[best], self._founded(best, POPULAR_DAMPING))

    def reload(self) -> bool:
        tables = self._newer()
        if tables is None:
            return False
        observed = self._movies.observed()
        self._model, self._movies, self._users = tables
        if len(observed[0]):
            self._movies.observe(*observed)
        return True

    def _known_of(self, histories: Sequence[History], users: Wholes) -> Ratings:
        return overlaid(histories, self._model, self._users.rows_in_file(users))

    def _best(self, scores: Floats | Doubles, n: int) -> Wholes:
        """Return the slots of the best `n` scores, best first; of equal ones the lower id."""
        count = min(n, len(scores))
        if count <= 0:
            return np.empty(0, dtype=np.int64)
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        found = np.flatnonzero((scores >= least) & (scores > -np.inf))
        order = np.lexsort((self._movies.ids[found], -scores[found]))
        best: Wholes = found[order[:count]]
        return best

    def _founded(self, slots: Wholes | Slot, half: float) -> Doubles:
        """Return how well each movie is known, 0 to 1: a half with `half` ratings."""
        counts = self._movies.counts_of(slots)
        found: Doubles = counts / (counts + half)
        return found

    def _as_movies(
        self, slots: Wholes, scores: Floats | Doubles, sure: Doubles
    ) -> list[RecommendedMovie]:
        columns = (self._movies.ids[slots], scores.clip(LOWEST, HIGHEST), sure)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [RecommendedMovie(*row) for row in rows]


def _ids_of(histories: Sequence[History]) -> Wholes:
    found = (history.user_id for history in histories)
    return np.fromiter(found, dtype=np.int64, count=len(histories))


def _parts(histories: Sequence[History], size: int) -> Iterator[Sequence[History]]:
    step = max(1, size)
    return (histories[first : first + step] for first in range(0, len(histories), step))

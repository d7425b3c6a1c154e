"""The port of the recommender: predicts, learns from the stream, ranks."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.core.ratings.changes import MovieTotal, RecommendedMovie


class History(NamedTuple):
    """All current ratings of one user."""

    user_id: int
    movies: array[int]
    """Movie ids, ascending (typecode `I`)."""
    marks: array[int]
    """Marks (typecode `q`), in the order of `movies`: see `app.core.ratings.changes`."""


class Recommender(Protocol):
    """Works in memory, does no input or output, never blocks for long: called in the event loop.

    Before a model is fitted it predicts by running means and recommends popular movies.
    """

    @property
    def version(self) -> str:
        """Name of the model in use; `means` before any is fitted."""
        ...

    def predict(self, users: Sequence[int], movies: Sequence[int]) -> Sequence[float]:
        """Predict one rating for each pair, in stars, within 0.5 to 5.0."""
        ...

    def observe(self, movies: Sequence[int], halves: Sequence[int]) -> None:
        """Adapt the global and the movies' own figures to new ratings, in their order."""
        ...

    def restore(self, partition: int, movies: Sequence[MovieTotal]) -> None:
        """Take in what was observed of a partition before this process had it.

        Its ids do not repeat. A second time, after somebody else had the partition, replaces the
        first; what was observed in between counts twice then, which moves no mean.
        """
        ...

    def fold_in(self, histories: Sequence[History]) -> None:
        """Compute these users' vectors and biases anew from all their ratings, in one batch."""
        ...

    def forget(self, users: Sequence[int]) -> None:
        """Drop users whose partition is somebody else's now."""
        ...

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        """Return each user's best `n` movies that he has not rated, best first.

        A user who was never folded in, and whom the model does not know, gets the popular ones.
        """
        ...

    def fitted_on(self, user_id: int) -> int:
        """Return how many of the user's ratings the model was fitted on; 0 for one it knows not.

        `recommend` works for such a user with an empty history, too.
        """
        ...

    def popular(self, n: int) -> list[RecommendedMovie]:
        """Return well-founded popular movies: good ones with many ratings, best first."""
        ...

    def reload(self) -> bool:
        """Take up a newer model file if there is a whole one; True when the model has changed.

        All users must be folded in again then. A broken file is reported once and left alone.
        """
        ...

"""The movies of the live recommender: the model's figures, and what the stream added to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.recommender.model import RatingModel
from app.recommender.slots import Slot, Slots, Wholes, grown
from app.recommender.solving import Floats

Doubles = npt.NDArray[np.float64]

#: So many ratings of the average are mixed into a movie's own when its bias is adapted,
MOVIE_DAMPING = 5.0
#: when it is ranked as a popular one,
POPULAR_DAMPING = 25.0
#: and into the stream's own mean.
DRIFT_DAMPING = 1000.0


class LiveMovies:
    """Biases, factors and counts by slot. Slot 0 is the unknown movie: average, no factors.

    With `n` ratings in the fit and `s` in the stream since, a movie's bias is the model's and

        s / (s + n + MOVIE_DAMPING) * (mean in the stream - mean in the fit - drift)

    where the mean in the fit of a movie that the model does not know is the mean of all, and the
    drift is how far the whole stream lies from the fit, damped likewise. Everything rests on counts
    and sums of whole numbers, so the same ratings give the same figures.
    """

    def __init__(self, model: RatingModel) -> None:
        count = len(model.movie_ids)
        self.slots = Slots(model.movie_ids)
        self.mean = model.mean
        self._drift_damping = DRIFT_DAMPING if count else 1.0
        rows = count + 2
        self.ids: Wholes = np.zeros(rows, dtype=np.int64)
        self.known: Floats = np.zeros((rows, model.factors + 1), dtype=np.float32)
        self._bias: Doubles = np.zeros(rows)
        self._fit_counts: Doubles = np.zeros(rows)
        self._fit_means: Doubles = np.full(rows, model.mean)
        self._counts: Wholes = np.zeros(rows, dtype=np.int64)
        self._halves: Wholes = np.zeros(rows, dtype=np.int64)
        self._weight: Doubles = np.zeros(rows)
        self._shift: Doubles = np.zeros(rows)
        self.ids[1:-1] = model.movie_ids
        self.known[:-1, -1] = 1.0
        self.known[1:-1, :-1] = model.movies[:, :-1]
        self._bias[1:-1] = model.movies[:, -1]
        self._fit_counts[1:-1] = model.movie_counts
        self._fit_means[1:-1] = model.movie_halves / 2 / np.maximum(model.movie_counts, 1)
        self._seen = 0
        self._surplus = 0.0
        """Sum over the stream's ratings of their distance from the movie's mean in the fit."""

    @property
    def size(self) -> int:
        return self.slots.size

    @property
    def drift(self) -> float:
        return self._surplus / (self._seen + self._drift_damping)

    @property
    def level(self) -> float:
        """What an average user gives an average movie."""
        return self.mean + self.drift

    @property
    def factors(self) -> Floats:
        """(size + 1, factors + 1): a 1 stands for the user's bias; zeros at the end (solving)."""
        return self.known[: self.size + 1]

    def bias_of(self, slots: Slot) -> Doubles:
        found: Doubles = self._bias[slots] + self._shift[slots] - self._weight[slots] * self.drift
        return found

    @property
    def bias(self) -> Doubles:
        """Of every slot below `size`."""
        end = self.size
        found: Doubles = self._bias[:end] + self._shift[:end] - self._weight[:end] * self.drift
        return found

    @property
    def counts(self) -> Doubles:
        """Ratings of every slot below `size`, in the fit and in the stream."""
        found: Doubles = self._fit_counts[: self.size] + self._counts[: self.size]
        return found

    def counts_of(self, slots: Slot | Wholes) -> Doubles:
        found: Doubles = self._fit_counts[slots] + self._counts[slots]
        return found

    def popularity(self) -> Doubles:
        """Return each slot's mean, mixed with POPULAR_DAMPING ratings of the average."""
        end, level = self.size, self.level
        sums = self._fit_means[:end] * self._fit_counts[:end] + self._halves[:end] / 2
        found: Doubles = (sums + POPULAR_DAMPING * level) / (self.counts + POPULAR_DAMPING)
        return found

    def observe(self, movies: Wholes, counts: Wholes, halves: Wholes) -> None:
        """Add so many ratings with this sum of half stars to each movie; ids do not repeat.

        Negative numbers take back what was added before.
        """
        slots = self.slots.find(movies)
        if (slots == 0).any():
            slots[slots == 0] = self._add(movies[slots == 0])
        self._counts[slots] += counts
        self._halves[slots] += halves
        seen, fit_counts = self._counts[slots], self._fit_counts[slots]
        self._weight[slots] = seen / (seen + fit_counts + MOVIE_DAMPING)
        self._shift[slots] = self._weight[slots] * (
            self._halves[slots] / 2 / np.maximum(seen, 1) - self._fit_means[slots]
        )
        self._seen += int(counts.sum())
        self._surplus += float((halves / 2 - counts * self._fit_means[slots]).sum())

    def observed(self) -> tuple[Wholes, Wholes, Wholes]:
        """Return ids, counts and half stars of what was observed: to carry over to a new model."""
        slots = np.flatnonzero(self._counts[: self.size])
        return self.ids[slots], self._counts[slots], self._halves[slots]

    def _add(self, movies: Wholes) -> Slot:
        slots = self.slots.add(movies)
        rows, first = self.size + 1, len(self.ids)
        if rows > first:
            for name in ("ids", "known", "_bias", "_fit_counts", "_fit_means"):
                setattr(self, name, grown(getattr(self, name), rows))
            for name in ("_counts", "_halves", "_weight", "_shift"):
                setattr(self, name, grown(getattr(self, name), rows))
            self._fit_means[first:] = self.mean
        self.ids[slots] = movies
        self.known[slots, -1] = 1.0
        return slots

"""The users of the live recommender: a vector each, from the model or folded in since."""

from __future__ import annotations

import numpy as np

from app.recommender.model import RatingModel
from app.recommender.slots import Slot, Slots, Wholes, grown
from app.recommender.solving import Floats


class LiveUsers:
    """Vectors (factors, then bias) and rating counts by slot. Slot 0 is the unknown user: zeros.

    A user costs 4 * (factors + 1) bytes, 4 for the count and 4 for the place of his id.
    """

    def __init__(self, model: RatingModel) -> None:
        count = len(model.user_ids)
        self._model = model
        self._in_file = Slots(model.user_ids)
        self._slots = Slots(model.user_ids)
        self.vectors: Floats = np.zeros((count + 1, model.factors + 1), dtype=np.float32)
        self.counts = np.zeros(count + 1, dtype=np.int32)
        self.vectors[1:] = model.users
        self.counts[1:] = np.diff(model.starts)

    def find(self, users: Wholes) -> Slot:
        return self._slots.find(users)

    def rows_in_file(self, users: Wholes) -> Wholes:
        """Return each user's row in the model; -1 for one that it does not know."""
        return self._in_file.find(users).astype(np.int64) - 1

    def put(self, users: Wholes, vectors: Floats, counts: Wholes) -> None:
        """Set these users' vectors; of one that is named twice the last counts."""
        slots = self.find(users)
        if (slots == 0).any():
            self._slots.add(np.unique(users[slots == 0]))
            slots = self.find(users)
            self.vectors = grown(self.vectors, self._slots.size)
            self.counts = grown(self.counts, self._slots.size)
        self.vectors[slots] = vectors
        self.counts[slots] = counts

    def forget(self, users: Wholes) -> None:
        """Drop what was folded in; users of the model get its vector back."""
        known = np.unique(users[self.find(users) > 0])
        rows = self.rows_in_file(known)
        filed = rows >= 0
        slots = self.find(known[filed])
        self.vectors[slots] = self._model.users[rows[filed]]
        self.counts[slots] = np.diff(self._model.starts)[rows[filed]]
        self._slots.remove(known[~filed])

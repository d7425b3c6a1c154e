"""Which row of a growing array belongs to an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Wholes = npt.NDArray[np.int64]
Slot = npt.NDArray[np.int32]

#: Ids below this are looked up in an array of 4 bytes each; others in a dict.
_DENSE = 1 << 22


class Slots:
    """Slots from 1 for ids from 1; slot 0 stands for every unknown id.

    Slots are handed out in order; one that was taken back is handed out again first.
    """

    def __init__(self, ids: Wholes | None = None) -> None:
        self._dense: Slot = np.zeros(1024, dtype=np.int32)
        self._sparse: dict[int, int] = {}
        self._free: list[int] = []
        self.size = 1
        """The first slot that was never handed out."""
        if ids is not None:
            self.add(ids)

    def find(self, ids: Any) -> Slot:
        """Return the slot of each id (an array, or a sequence of whole numbers)."""
        wanted = np.asarray(ids, dtype=np.int64)
        if not len(wanted):
            return np.empty(0, dtype=np.int32)
        if wanted.min() >= 0 and wanted.max() < len(self._dense):
            return self._dense[wanted]
        inside = (wanted >= 0) & (wanted < len(self._dense))
        found = np.where(inside, self._dense[np.where(inside, wanted, 0)], 0).astype(np.int32)
        if self._sparse:
            beyond = np.flatnonzero(wanted >= _DENSE)
            found[beyond] = [self._sparse.get(id_, 0) for id_ in wanted[beyond].tolist()]
        return found

    def add(self, ids: Wholes) -> Slot:
        """Give a slot to each of these ids, which have none and do not repeat."""
        reused = [self._free.pop() for _ in range(min(len(ids), len(self._free)))]
        fresh = len(ids) - len(reused)
        unused = np.arange(self.size, self.size + fresh, dtype=np.int32)
        slots = np.concatenate((np.array(reused, dtype=np.int32), unused))
        self.size += fresh
        self._set(ids, slots)
        return slots

    def remove(self, ids: Wholes) -> None:
        """Take the slots of these ids back; they have one each and do not repeat."""
        self._free.extend(self.find(ids).tolist())
        self._set(ids, np.zeros(len(ids), dtype=np.int32))

    def _set(self, ids: Wholes, slots: Slot) -> None:
        dense = ids < _DENSE
        if dense.any():
            self._dense = grown(self._dense, int(ids[dense].max()) + 1)
            self._dense[ids[dense]] = slots[dense]
        for id_, slot in zip(ids[~dense].tolist(), slots[~dense].tolist(), strict=True):
            if slot:
                self._sparse[id_] = slot
            else:
                self._sparse.pop(id_, None)


def grown(rows: Any, count: int) -> Any:
    """Return the array with at least `count` rows: itself, or twice as long, with zeros."""
    if len(rows) >= count:
        return rows
    larger = np.zeros((max(count, 2 * len(rows)), *rows.shape[1:]), dtype=rows.dtype)
    larger[: len(rows)] = rows
    return larger


def whole(values: Sequence[int]) -> Wholes:
    """Return whole numbers as an array; an `array.array` is not copied number by number."""
    return np.asarray(values, dtype=np.int64)

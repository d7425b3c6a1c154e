"""How many pairs to send to a scorer elsewhere at a time: as many as it answers well in time."""

from __future__ import annotations

#: The first request of a server whose speed is not known yet.
_FIRST_PAIRS = 4
#: An answer within this share of the limit is quick: twice as many take half of the limit.
_QUICK = 0.25


class RequestSize:
    """`pairs` is the size in force, from 1 to `most`.

    A request that runs out of time is scored for nothing, and asked again unchanged it would be so
    for ever: half is asked for then. It begins small, so that a slow server need not fail first.
    """

    def __init__(self, most: int, limit_seconds: float) -> None:
        self._most = most
        self._quick_seconds = _QUICK * limit_seconds
        self.pairs = min(_FIRST_PAIRS, most)

    def answered(self, pairs: int, seconds: float) -> None:
        """Note an answer: a quick one to a full request doubles the size."""
        if pairs >= self.pairs and seconds < self._quick_seconds:
            self.pairs = min(2 * self.pairs, self._most)

    def ran_out(self, pairs: int) -> None:
        """Note that a request of so many pairs had no answer in time."""
        self.pairs = min(self.pairs, max(1, pairs // 2))

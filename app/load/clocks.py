"""How far the clock of the service is from that of this machine."""

from __future__ import annotations

from math import inf


class ClockOffset:
    """Bounds on (their clock - ours), from moments that lie between two moments of ours.

    A question is accepted after it was sent and before the reply was there: each tells a little,
    all together tell it to about the fastest reply.
    """

    def __init__(self) -> None:
        self._low, self._high = -inf, inf

    def note(self, theirs: float, after: float, before: float, rounding: float = 0.001) -> None:
        """Note that `theirs` was between our `after` and `before`."""
        self._low = max(self._low, theirs - before - rounding)
        self._high = min(self._high, theirs - after + rounding)

    @property
    def known(self) -> bool:
        return self._low > -inf

    @property
    def seconds(self) -> float:
        """Return the offset: 0 whenever that can be, as on one machine; else amid the bounds."""
        if not self.known or self._low <= 0.0 <= self._high:
            return 0.0
        return (self._low + self._high) / 2

    @property
    def spread(self) -> float:
        """Return how far apart the clocks of several workers are at least; 0 when they agree."""
        return max(0.0, self._low - self._high) if self.known else 0.0

"""Whether a log that has stopped acknowledging is asked again: one try at a time, once a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pulse:
    """After a send that was not acknowledged in time, others are refused at once, but for a try
    every `seconds`. Times are seconds on one clock that never goes back.
    """

    seconds: float = 1.0
    _try_at: float | None = None
    _trying: bool = False

    def refuses(self, now: float) -> bool:
        """Tell whether a send should not even be tried. If it may, say what became of it."""
        if self._try_at is None:
            return False
        if self._trying or now < self._try_at:
            return True
        self._trying = True
        return False

    def acknowledged(self) -> None:
        self._try_at, self._trying = None, False

    def silent(self, now: float) -> None:
        """Nothing was acknowledged in time."""
        self._try_at, self._trying = now + self.seconds, False

    def unknown(self) -> None:
        """The send failed otherwise, or was given up: the next one may be the try."""
        self._trying = False

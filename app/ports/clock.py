"""The port of time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall clock time."""

    def now(self) -> float:
        """Return Unix seconds."""
        ...

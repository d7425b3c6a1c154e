"""How many times the same thing is logged: an outage says itself thousands of times a second.

Of each kind of event (a logger, a level, a template) a few are shown in a window, and each text
that is new in it up to a cap; the others are counted, and the count is told when the window ends.
The first occurrence is always shown.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field

_VARYING = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)


def shape(text: str) -> str:
    """Return a text without its numbers and ids: two that differ in those alone are no news.

    >>> shape("node 17 at 10.0.0.3 is away")
    'node # at #.#.#.# is away'
    """
    return _VARYING.sub("#", text)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What was not shown of a kind: how often, in how many seconds, and its last text."""

    kind: Hashable
    times: int
    seconds: float
    text: str

    def __str__(self) -> str:
        return f"suppressed {self.times:,} times in {self.seconds:.0f} s: {self.text}"


@dataclass(slots=True)
class _Window:
    since: float
    shown: int = 0
    suppressed: int = 0
    text: str = ""
    shapes: set[str] = field(default_factory=set)


class Throttle:
    """Decides on each event. At most `kinds` kinds are known at a time: the oldest is forgotten."""

    def __init__(
        self, burst: int = 5, new_texts: int = 20, window_seconds: float = 60.0, kinds: int = 1000
    ) -> None:
        self._burst = burst
        self._new_texts = new_texts
        self._window_seconds = window_seconds
        self._kinds = kinds
        self._windows: dict[Hashable, _Window] = {}
        self.total = 0
        """Events that were not shown so far."""

    def admit(self, kind: Hashable, text: str, now: float) -> bool:
        """Tell whether to show an event, and count it. Ask `ended` first."""
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= self._kinds:
                self._windows.pop(next(iter(self._windows)))
            window = self._windows[kind] = _Window(now)
        new = shape(text)
        if window.shown < self._burst or (
            new not in window.shapes and len(window.shapes) < self._new_texts
        ):
            window.shown += 1
            window.shapes.add(new)
            return True
        window.suppressed += 1
        window.text = text
        self.total += 1
        return False

    def ended(self, now: float, *, all_of_them: bool = False) -> list[Suppressed]:
        """Close the windows that are over; return what they suppressed."""
        found = []
        for kind, window in list(self._windows.items()):
            lasted = now - window.since
            if lasted < self._window_seconds and not all_of_them:
                break  # they are in the order in which they began
            del self._windows[kind]
            if window.suppressed:
                found.append(Suppressed(kind, window.suppressed, lasted, window.text))
        return found

"""A recount of a partition's log, written to be plainly right: it shares no code with the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE_MS = 60_000


class Event(NamedTuple):
    """One event of a log: a rating, or the rule that refuses it."""

    user: int = 0
    movie: int = 0
    halves: int = 0
    time: int = 0
    arrived: float = 0.0
    """Unix seconds."""
    rule: str = ""


@dataclass
class Recount:
    valid: int = 0
    duplicate: int = 0
    stale: int = 0
    late: int = 0
    future: int = 0
    out_of_order: int = 0
    watermark: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    current: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """(user, movie) to (time, halves)."""
    last: dict[int, int] = field(default_factory=dict)
    """Movie to the time of its newest rating."""
    windows: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Minute's start to (ratings, halves), of all minutes."""

    @property
    def by_halves(self) -> list[int]:
        found = [0] * 11
        for _, halves in self.current.values():
            found[halves] += 1
        return found

    @property
    def movies(self) -> dict[int, tuple[int, int, int]]:
        """Movie to (ratings, halves, time of the newest)."""
        found: dict[int, tuple[int, int, int]] = {}
        for (_, movie), (_, halves) in self.current.items():
            ratings, total, _ = found.get(movie, (0, 0, 0))
            found[movie] = (ratings + 1, total + halves, self.last[movie])
        return found

    @property
    def users(self) -> set[int]:
        return {user for user, _ in self.current}


def recount(events: Sequence[Event]) -> Recount:
    found = Recount()
    greatest = MINUTE_MS
    for event in events:
        if event.rule:
            found.rejected[event.rule] = found.rejected.get(event.rule, 0) + 1
            continue
        known = found.current.get((event.user, event.movie))
        if known is not None and event.time == known[0]:
            found.duplicate += 1
            continue
        if known is not None and event.time < known[0]:
            found.stale += 1
            continue
        found.valid += 1
        found.current[event.user, event.movie] = (event.time, event.halves)
        found.last[event.movie] = max(event.time, found.last.get(event.movie, 0))
        if event.time > greatest and event.time > event.arrived * 1000 + 5 * MINUTE_MS:
            found.future += 1
            continue
        if event.time < greatest:
            found.out_of_order += 1
        greatest = max(greatest, event.time)
        start = event.time // MINUTE_MS * MINUTE_MS
        if start + 2 * MINUTE_MS <= greatest:
            found.late += 1
        else:
            ratings, halves = found.windows.get(start, (0, 0))
            found.windows[start] = (ratings + 1, halves + event.halves)
    found.watermark = greatest - MINUTE_MS
    return found

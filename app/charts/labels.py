"""labels of windows: names in lanes above the chart, or numbers where names do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Width of a character of the labels' font, in units of the drawing.
_CHARACTER = 6.4
_GAP = 8.0
_MOST_LANES = 3
_MOST_CHARACTERS = 38


@dataclass(frozen=True, slots=True)
class Label:
    """A text from `left` on, in `lane` (0 is next to the chart), that belongs to `at`."""

    text: str
    left: float
    width: float
    lane: int
    at: float


def place_labels(names: Sequence[str], places: Sequence[float], width: float) -> list[Label]:
    """Return labels for windows that begin at `places` (0 to `width`), none over another.

    The names when they fit into a few lanes; else their numbers, from 1, in one lane, and of
    numbers that would overlap only the first.
    """
    cut = [_short(name) for name in names]
    placed = _in_lanes(cut, places, width)
    return placed if placed is not None else _numbers(places, width)


def _short(name: str) -> str:
    if len(name) <= _MOST_CHARACTERS:
        return name
    return name[: _MOST_CHARACTERS - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _in_lanes(names: Sequence[str], places: Sequence[float], width: float) -> list[Label] | None:
    """Place from right to left, so that no label's line to its window crosses a lower label."""
    lanes: list[list[tuple[float, float]]] = [[] for _ in range(_MOST_LANES)]
    placed: list[Label] = []
    for at, name in sorted(zip(places, names, strict=True), reverse=True):
        size = len(name) * _CHARACTER
        left = max(0.0, min(at, width - size))
        lane = next((n for n in range(_MOST_LANES) if _fits(lanes, n, left, size, at)), None)
        if size > width or lane is None:
            return None
        lanes[lane].append((left, left + size))
        for lower in range(lane):
            lanes[lower].append((at, at))
        placed.append(Label(name, left, size, lane, at))
    return placed[::-1]


def _fits(
    lanes: list[list[tuple[float, float]]], lane: int, left: float, size: float, at: float
) -> bool:
    free = all(left + size + _GAP <= a or b + _GAP <= left for a, b in lanes[lane])
    line = all(not a - 2 <= at <= b + 2 for n in range(lane) for a, b in lanes[n])
    return free and line


def _numbers(places: Sequence[float], width: float) -> list[Label]:
    placed: list[Label] = []
    right = -_GAP
    for number, at in enumerate(places, 1):
        size = len(str(number)) * _CHARACTER
        left = min(max(0.0, at - size / 2), width - size)
        if left >= right + 4:
            placed.append(Label(str(number), left, size, 0, at))
            right = left + size
    return placed

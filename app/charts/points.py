"""Points of a line, few enough for a page."""

from __future__ import annotations

from collections.abc import Sequence

#: More points than this make a page heavy and a line no finer.
MOST_POINTS = 360

Point = tuple[float, float]


def thinned(line: list[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most about `most` points that keep every peak: least and largest of each part."""
    if len(line) <= most:
        return line
    parts = most // 2
    kept: list[Point] = []
    for n in range(parts):
        part = line[n * len(line) // parts : (n + 1) * len(line) // parts]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


def unbroken(times: Sequence[float], values: Sequence[float | None]) -> list[list[Point]]:
    """Return a column as unbroken lines of few points; None is a gap."""
    lines: list[list[Point]] = [[]]
    for at, value in zip(times, values, strict=False):
        if value is not None:
            lines[-1].append((at, value))
        elif lines[-1]:
            lines.append([])
    return [thinned(line) for line in lines if line]

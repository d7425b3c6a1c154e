"""The course of a run as a chart needs it: clean columns, few enough points, windows of faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.numbers import real
from app.charts.points import Point, unbroken


@dataclass(frozen=True, slots=True)
class Fault:
    """A window in which something was broken on purpose, in seconds of the run."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Course:
    """The columns of a timeline by name; a gap in a column is None. `end` is in seconds."""

    times: tuple[float, ...]
    columns: Mapping[str, tuple[float | None, ...]]
    faults: tuple[Fault, ...]
    end: float

    def values(self, *names: str) -> list[float]:
        """Return all values of columns, gaps left out."""
        found = (value for name in names for value in self.columns.get(name, ()))
        return [value for value in found if value is not None]

    def lines(self, name: str) -> list[list[Point]]:
        """Return a column as unbroken lines of few points."""
        return unbroken(self.times, self.columns.get(name, ()))


def course_of(run: Mapping[str, Any]) -> Course | None:
    """Return the course of a run, or None when it has none to draw."""
    timeline = run.get("timeline")
    if not isinstance(timeline, Mapping):
        return None
    raw = timeline.get("t") or []
    kept = [n for n, at in enumerate(raw) if (seconds := real(at)) is not None and seconds >= 0]
    if len(kept) < 2:
        return None
    times = tuple(float(raw[n]) for n in kept)
    columns = {
        str(name): _column(values, kept, gaps=str(name).startswith("latency"))
        for name, values in timeline.items()
        if name != "t" and isinstance(values, Sequence)
    }
    end = max(times)
    return Course(times, columns, faults_of(run, end), end)


def _column(values: Sequence[Any], kept: list[int], *, gaps: bool) -> tuple[float | None, ...]:
    """Return the kept values; a latency of 0 means that none was measured yet."""
    found = [real(values[n]) if n < len(values) else None for n in kept]
    return tuple(None if gaps and not value else value for value in found)


def faults_of(run: Mapping[str, Any], end: float) -> tuple[Fault, ...]:
    """Return the windows of faults, by their beginning; one without an end lasts until `end`."""
    found = []
    for each in run.get("faults") or []:
        start, until = real(each.get("from")), real(each.get("to"))
        if start is not None:
            found.append(Fault(str(each.get("name") or "fault"), start, until or max(end, start)))
    return tuple(sorted(found, key=lambda fault: (fault.start, fault.end)))

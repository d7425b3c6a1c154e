"""Curves over a plane with two axes, with marks across it; histograms that share an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.axes import Axis, Tick
from app.charts.markup import Html, join
from app.charts.numbers import percent, shown
from app.charts.points import Point
from app.charts.strokes import box, path, stroke, svg, words

_LEFT, _TOP, _RIGHT, _FOOT = 52.0, 26.0, 18.0, 40.0
_ROW_TITLE = 22.0
#: Width of a character of a title, or of a mark's text.
_CHARACTER = 7.2

#: From nothing to all, in quarters.
SHARES = Axis(0.0, 1.0, tuple(Tick(n / 4, percent(n / 4)) for n in range(5)))


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (x, y) in a class of the style sheet, or the dots alone."""

    style: str
    points: Sequence[Point]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the drawing at a value of the x axis, with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A histogram: `counts` of equal steps from the low to the high end of the x axis."""

    title: str
    style: str
    counts: Sequence[int]


def draw_plot(
    curves: Sequence[Curve],
    axes: tuple[Axis, Axis],
    size: tuple[float, float],
    about: str,
    names: tuple[str, str],
    marks: Sequence[Mark] = (),
) -> Html:
    """Return curves on (x axis, y axis) in `size` units; `names` are of the axes: along, and up."""
    width, height = size
    frame = _Frame(axes[0], width, _TOP, height - _FOOT)
    up = axes[1]

    def y(value: float) -> float:
        return round(frame.base - (frame.base - frame.top) * up.share(value), 1)

    parts = [words(names[1], _LEFT, _TOP - 10, "title")]
    for tick in up.ticks:
        parts.append(stroke("grid", _LEFT, y(tick.value), width - _RIGHT, y(tick.value)))
        parts.append(words(tick.label, _LEFT - 7, y(tick.value) + 4, "tick", "end"))
    parts.append(frame.marks(marks, _TOP - 10, taken=_LEFT + _CHARACTER * len(names[1])))
    for curve in curves:
        placed = [(frame.x(along), y(value)) for along, value in curve.points]
        if placed:
            parts.append(path(placed, curve.style, frame.base if curve.filled else None))
    return svg(width, height, about, join(*parts), frame.foot(names[0]))


def draw_rows(
    rows: Sequence[Row],
    axis: Axis,
    size: tuple[float, float],
    about: str,
    name: str,
    marks: Sequence[Mark] = (),
) -> Html:
    """Return histograms below each other, each `size[1]` units high and as wide as `size[0]`.

    Each is as high as its own largest step; `name` is that of the axis that they share.
    """
    width, height = size
    base = _TOP + (height + _ROW_TITLE) * len(rows)
    frame = _Frame(axis, width, _TOP, base)
    parts = [frame.marks(marks, _TOP - 8)]
    for n, row in enumerate(rows):
        foot = _TOP + (height + _ROW_TITLE) * (n + 1)
        parts.append(words(row.title, _LEFT, foot - height - 6, "title"))
        parts.append(stroke("grid", _LEFT, foot, width - _RIGHT, foot))
        parts.append(_histogram(row, frame, foot, height))
    return svg(width, base + _FOOT, about, join(*parts), frame.foot(name))


def _histogram(row: Row, frame: _Frame, foot: float, height: float) -> Html:
    most, steps = max(row.counts, default=0), len(row.counts)
    span = frame.axis.high - frame.axis.low
    bars = []
    for n, count in enumerate(row.counts):
        if count:
            low, high = (frame.axis.low + span * at / steps for at in (n, n + 1))
            left, right, tall = frame.x(low), frame.x(high), max(1.5, height * count / most)
            about = f"{low:.2f} to {high:.2f}: {shown(count)}"
            place = (left, round(foot - tall, 1), round(max(0.5, right - left - 1), 1))
            bars.append(box(f"bar {row.style}", *place, round(tall, 1), about))
    return join(*bars)


class _Frame:
    """The x axis of a drawing, and what stands along it."""

    def __init__(self, axis: Axis, width: float, top: float, base: float) -> None:
        self.axis, self.width, self.top, self.base = axis, width, top, base

    def x(self, value: float) -> float:
        return round(_LEFT + (self.width - _LEFT - _RIGHT) * self.axis.share(value), 1)

    def marks(self, marks: Sequence[Mark], height: float, taken: float = 0.0) -> Html:
        """Draw marks with their texts on the side where there is more room.

        Another text ends at `taken` on the same line: theirs begin after it.
        """
        parts = []
        for mark in marks:
            at, size = self.x(mark.at), _CHARACTER * len(mark.text)
            before = at > self.width / 2 and at - 6 - size > taken
            left = max(at + 6, min(taken + 8, self.width - size))
            parts.append(stroke("mark", at, self.top - 4, at, self.base))
            place = (at - 6 if before else left, height)
            parts.append(words(mark.text, *place, "marked", "end" if before else None))
        return join(*parts)

    def foot(self, name: str) -> Html:
        parts = [stroke("axis", _LEFT, self.base, self.width - _RIGHT, self.base)]
        for tick in self.axis.ticks:
            at = self.x(tick.value)
            parts.append(stroke("axis", at, self.base, at, self.base + 4))
            parts.append(words(tick.label, at, self.base + 17, "tick", "middle"))
        middle = (_LEFT + self.width - _RIGHT) / 2
        parts.append(words(name, middle, self.base + 35, "unit", "middle"))
        return join(*parts)

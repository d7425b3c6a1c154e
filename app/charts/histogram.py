"""Histograms: parts of a whole stacked in equal bins, with named lines across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.axes import Axis, count_axis
from app.charts.markup import Html, join
from app.charts.numbers import shown
from app.charts.strokes import box, stroke, svg, words

_LEFT, _TOP, _RIGHT, _FOOT = 46.0, 34.0, 16.0, 44.0
_GAP = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """Counts of each bin in a class of the style sheet; `name` is for those who point at it."""

    style: str
    name: str
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Marker:
    """A named line at a value."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """`edges` are one more than the bins, ascending; the axis may be logarithmic."""

    axis: Axis
    edges: Sequence[float]
    parts: Sequence[Part]
    unit: str
    about: str
    markers: Sequence[Marker] = ()


def bins(axis: Axis, count: int) -> list[float]:
    """Return `count + 1` edges over an axis, in equal steps of what is drawn."""
    if axis.log:
        ratio = axis.high / axis.low
        return [axis.low * ratio ** (n / count) for n in range(count + 1)]
    return [axis.low + (axis.high - axis.low) * n / count for n in range(count + 1)]


def counts(axis: Axis, count: int, values: Sequence[float]) -> list[int]:
    """Return how many values each of `count` bins holds; those outside go to the ends."""
    found = [0] * count
    for value in values:
        place = axis.share(value) * count
        found[min(count - 1, math.floor(place + 1e-9))] += 1
    return found


def draw_histogram(chart: Histogram, width: float, height: float) -> Html:
    """Return the histogram, `width` units wide, its columns up to `height` high."""
    totals = [sum(each) for each in zip(*(part.counts for part in chart.parts), strict=True)]
    up = count_axis(totals)
    base, inner = _TOP + height, width - _LEFT - _RIGHT

    def x(value: float) -> float:
        return round(_LEFT + inner * chart.axis.share(value), 1)

    drawn: list[Html] = []
    for tick in up.ticks:
        y = base - height * up.share(tick.value)
        drawn.append(stroke("grid", _LEFT, y, width - _RIGHT, y))
        drawn.append(words(tick.label, _LEFT - 7, y + 4, "tick", "end"))
    for n in range(len(chart.edges) - 1):
        left, right = x(chart.edges[n]), x(chart.edges[n + 1])
        span = f"{shown(round(chart.edges[n], 4))} to {shown(round(chart.edges[n + 1], 4))}"
        y = base
        for part in chart.parts:
            if not part.counts[n]:
                continue
            tall = max(1.0, height * up.share(part.counts[n]))
            y -= tall
            said = f"{span}: {shown(part.counts[n])} {part.name}"
            size = (max(1.0, right - left - _GAP), round(tall, 1))
            drawn.append(box(part.style, left + _GAP / 2, round(y, 1), *size, said))
    for tick in chart.axis.ticks:
        drawn.append(stroke("axis", x(tick.value), base, x(tick.value), base + 4))
        drawn.append(words(tick.label, x(tick.value), base + 17, "tick", "middle"))
    drawn += [_marker(marker, x(marker.value), width, base) for marker in chart.markers]
    axis = stroke("axis", _LEFT, base, width - _RIGHT, base)
    unit = words(chart.unit, _LEFT + inner / 2, base + 36, "unit", "middle")
    return svg(width, base + _FOOT, chart.about, join(*drawn), axis, unit)


def _marker(marker: Marker, x: float, width: float, base: float) -> Html:
    anchor = "start" if x < width * 0.65 else "end"
    line = stroke("marker", x, _TOP - 12, x, base)
    return join(
        line, words(marker.name, x + (6 if anchor == "start" else -6), _TOP - 14, "marked", anchor)
    )

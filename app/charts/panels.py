"""Panels that share their time axis, with named windows across all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.axes import Axis, time_axis
from app.charts.labels import Label, place_labels
from app.charts.markup import Html, join, tag
from app.charts.numbers import duration
from app.charts.points import Point
from app.charts.strokes import box, path, stroke, svg, words

_LEFT, _RIGHT = 52.0, 14.0
_LANE = 16.0
_TITLE = 32.0
_FOOT = 36.0

#: A drawing for wide pages and one for narrow ones, in units of its own.
WIDE, NARROW = 1000.0, 460.0


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn in one class of the style sheet: unbroken lines of (seconds, value)."""

    style: str
    lines: Sequence[Sequence[Point]]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Series on one axis, `height` units high."""

    title: str
    series: tuple[Series, ...]
    axis: Axis
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """A named window, in seconds of the time axis."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels over a time from 0 to `end` seconds. `time` says what that time is, without unit."""

    panels: Sequence[Panel]
    end: float
    time: str
    about: str
    bands: Sequence[Band] = ()


def draw(chart: Chart, width: float) -> Html | None:
    """Return the chart, `width` units wide; None when there is nothing to draw."""
    return _Drawing(chart, width).svg() if chart.panels else None


def figure(chart: Chart, *keys: Html) -> Html | None:
    """Return the chart as a figure under its legend, drawn for wide and for narrow pages."""
    wide, narrow = draw(chart, WIDE), draw(chart, NARROW)
    if wide is None:
        return None
    return tag(
        "figure",
        tag("figcaption", *keys, class_="legend"),
        tag("div", wide, class_="wide"),
        tag("div", narrow, class_="narrow"),
    )


def key(style: str, name: str) -> Html:
    """Return an entry of a legend."""
    return tag("span", tag("i", class_=f"key {style}"), name)


class _Drawing:
    """Places everything of one chart."""

    def __init__(self, chart: Chart, width: float) -> None:
        self.chart = chart
        self.width = width
        self.inner = width - _LEFT - _RIGHT
        self.end = max([chart.end, *(band.end for band in chart.bands)])
        self.time, self.unit = time_axis(self.end, most=max(4, int(self.inner // 75)))
        names = [band.name for band in chart.bands]
        places = [self.x(band.start) - _LEFT for band in chart.bands]
        self.labels = place_labels(names, places, self.inner)
        self.top = 4 + _LANE * (1 + max((label.lane for label in self.labels), default=-1))

    def x(self, second: float) -> float:
        return round(_LEFT + self.inner * self.time.share(second), 1)

    def svg(self) -> Html:
        parts: list[Html] = []
        y = self.top
        for panel in self.chart.panels:
            y += _TITLE
            parts.append(self._panel(panel, y))
            y += panel.height
        return svg(
            self.width,
            y + _FOOT,
            self.chart.about,
            self._bands(y),
            *parts,
            self._time(y),
            *(self._label(label) for label in self.labels),
        )

    def _bands(self, bottom: float) -> Html:
        """Shade each window from the labels down to the time axis."""
        boxes = []
        for band in self.chart.bands:
            left, right = self.x(band.start), self.x(band.end)
            span = f"{band.name}: {duration(band.start)} to {duration(band.end)}"
            size = (max(2.0, right - left), bottom - self.top)
            boxes.append(box("band", left, self.top, *size, span))
        return join(*boxes)

    def _label(self, label: Label) -> Html:
        base = self.top - 5 - label.lane * _LANE
        line = None
        if label.lane or not label.left <= label.at <= label.left + label.width:
            line = stroke("leader", label.at + _LEFT, base + 3, label.at + _LEFT, self.top)
        return join(line, words(label.text, label.left + _LEFT, base, "fault"))

    def _panel(self, panel: Panel, top: float) -> Html:
        base = top + panel.height

        def y(value: float) -> float:
            return round(base - panel.height * panel.axis.share(value), 1)

        parts = [words(panel.title, _LEFT, top - 10, "title")]
        for tick in panel.axis.ticks:
            parts.append(stroke("grid", _LEFT, y(tick.value), self.width - _RIGHT, y(tick.value)))
            parts.append(words(tick.label, _LEFT - 7, y(tick.value) + 4, "tick", "end"))
        for series in panel.series:
            for points in series.lines:
                placed = [(self.x(at), y(value)) for at, value in points]
                parts.append(path(placed, series.style, base if series.filled else None))
        return join(*parts)

    def _time(self, base: float) -> Html:
        parts = [stroke("axis", _LEFT, base, self.width - _RIGHT, base)]
        for tick in self.time.ticks:
            parts.append(stroke("axis", self.x(tick.value), base, self.x(tick.value), base + 4))
            parts.append(words(tick.label, self.x(tick.value), base + 17, "tick", "middle"))
        middle = _LEFT + self.inner / 2
        parts.append(words(f"{self.chart.time}, {self.unit}", middle, base + 33, "unit", "middle"))
        return join(*parts)

"""A run's chart as SVG: panels that share their time axis, with the windows of faults across."""

from __future__ import annotations

from dataclasses import dataclass

from app.chaos.report.axes import Axis, count_axis, seconds_axis, time_axis
from app.chaos.report.labels import Label, place_labels
from app.chaos.report.markup import Html, join, tag
from app.chaos.report.numbers import duration, shown
from app.chaos.report.series import Course, Point

_LEFT, _RIGHT = 52.0, 14.0
_LANE = 16.0
_TITLE = 32.0
_FOOT = 36.0


@dataclass(frozen=True, slots=True)
class Line:
    """A column of the course: its name in words and its class in the style sheet."""

    column: str
    words: str
    style: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines on one axis, `height` units high."""

    title: str
    lines: tuple[Line, ...]
    axis: Axis
    height: float


def panels_of(course: Course) -> list[Panel]:
    """Return the panels that have something to show."""
    pending = Line("pending", "pending", "pending", filled=True)
    latencies = (Line("latency_p50", "p50", "p50"), Line("latency_p99", "p99", "p99"))
    calls = Line("calls_in_flight", "calls in flight", "calls", filled=True)
    panels = []
    if values := course.values("pending"):
        panels.append(Panel("Questions pending", (pending,), count_axis(values), 130))
    if values := course.values("latency_p50", "latency_p99"):
        axis = seconds_axis(values)
        title = "Seconds from accepted to ended" + (", logarithmic" if axis.log else "")
        panels.append(Panel(title, latencies, axis, 130))
    if any(values := course.values("calls_in_flight")):
        panels.append(Panel("Model calls in flight", (calls,), count_axis(values, 2), 64))
    return panels


def draw(course: Course, width: float, about: str) -> Html | None:
    """Return the chart, `width` units wide, or None when there is nothing to draw."""
    panels = panels_of(course)
    if not panels:
        return None
    return _Drawing(course, panels, width).svg(about)


class _Drawing:
    """Places everything of one chart."""

    def __init__(self, course: Course, panels: list[Panel], width: float) -> None:
        self.course = course
        self.panels = panels
        self.width = width
        self.inner = width - _LEFT - _RIGHT
        self.end = max([course.end, *(fault.end for fault in course.faults)])
        self.time, self.unit = time_axis(self.end, most=max(4, int(self.inner // 75)))
        names = [fault.name for fault in course.faults]
        places = [self.x(fault.start) - _LEFT for fault in course.faults]
        self.labels = place_labels(names, places, self.inner)
        self.top = 4 + _LANE * (1 + max((label.lane for label in self.labels), default=-1))

    def x(self, second: float) -> float:
        return round(_LEFT + self.inner * self.time.share(second), 1)

    def svg(self, about: str) -> Html:
        parts: list[Html] = []
        y = self.top
        for panel in self.panels:
            y += _TITLE
            parts.append(self._panel(panel, y))
            y += panel.height
        bottom = y
        height = bottom + _FOOT
        return tag(
            "svg",
            tag("title", about),
            self._faults(bottom),
            *parts,
            self._time(bottom),
            *(self._label(label) for label in self.labels),
            attributes={"viewBox": f"0 0 {self.width:g} {height:g}", "role": "img"},
        )

    def _faults(self, bottom: float) -> Html:
        """Shade each window from the labels down to the time axis."""
        bands = []
        for fault in self.course.faults:
            left, right = self.x(fault.start), self.x(fault.end)
            span = f"{fault.name}: {duration(fault.start)} to {duration(fault.end)}"
            shape = {
                "x": f"{left:g}",
                "y": f"{self.top:g}",
                "width": f"{max(2.0, right - left):g}",
                "height": f"{bottom - self.top:g}",
            }
            bands.append(tag("rect", tag("title", span), attributes=shape, class_="band"))
        return join(*bands)

    def _label(self, label: Label) -> Html:
        base = self.top - 5 - label.lane * _LANE
        line = None
        if label.lane or not label.left <= label.at <= label.left + label.width:
            line = _stroke("leader", label.at + _LEFT, base + 3, label.at + _LEFT, self.top)
        return join(line, _text(label.text, label.left + _LEFT, base, "fault"))

    def _panel(self, panel: Panel, top: float) -> Html:
        base = top + panel.height

        def y(value: float) -> float:
            return round(base - panel.height * panel.axis.share(value), 1)

        parts = [_text(panel.title, _LEFT, top - 10, "title")]
        for tick in panel.axis.ticks:
            parts.append(_stroke("grid", _LEFT, y(tick.value), self.width - _RIGHT, y(tick.value)))
            parts.append(_text(tick.label, _LEFT - 7, y(tick.value) + 4, "tick", "end"))
        for line in panel.lines:
            for points in self.course.lines(line.column):
                placed = [(self.x(at), y(value)) for at, value in points]
                parts.append(_line(placed, line, base))
        return join(*parts)

    def _time(self, base: float) -> Html:
        parts = [_stroke("axis", _LEFT, base, self.width - _RIGHT, base)]
        for tick in self.time.ticks:
            parts.append(_stroke("axis", self.x(tick.value), base, self.x(tick.value), base + 4))
            parts.append(_text(tick.label, self.x(tick.value), base + 17, "tick", "middle"))
        middle = _LEFT + self.inner / 2
        parts.append(_text(f"time of the run, {self.unit}", middle, base + 33, "unit", "middle"))
        return join(*parts)


def _line(points: list[Point], line: Line, base: float) -> Html:
    """Return a line, with its area where it is filled; a single point is a dot."""
    if len(points) == 1:
        ((x, y),) = points
        return tag(
            "circle", attributes={"cx": f"{x:g}", "cy": f"{y:g}", "r": "2"}, class_=line.style
        )
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    area = None
    if line.filled:
        closed = f"{path}L{points[-1][0]:g} {base:g}L{points[0][0]:g} {base:g}Z"
        area = tag("path", d=closed, class_=f"area {line.style}")
    return join(area, tag("path", d=path, class_=f"line {line.style}"))


def _stroke(style: str, x1: float, y1: float, x2: float, y2: float) -> Html:
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    return tag("line", attributes=ends, class_=style)


def _text(words: str, x: float, y: float, style: str, anchor: str | None = None) -> Html:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
    return tag("text", words, attributes=place, class_=style)


def describe(course: Course) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    said = [f"Course of {duration(course.end)}"]
    if values := course.values("pending"):
        said.append(f"at most {shown(max(values))} questions pending")
    if values := course.values("latency_p99"):
        said.append(f"p99 latency at most {duration(max(values))}")
    if course.faults:
        said.append(f"{len(course.faults)} fault windows")
    return ", ".join(said)

"""A run's chart: questions, latencies and calls over time, with the windows of faults across."""

from __future__ import annotations

from collections.abc import Sequence

from app.chaos.report.series import Course
from app.charts.axes import Axis, count_axis, seconds_axis
from app.charts.markup import Html
from app.charts.numbers import duration, shown
from app.charts.panels import Band, Chart, Panel, Series, figure, key

#: Column, class in the style sheet, words of the legend.
_LEGEND = (
    ("pending", "pending", "pending"),
    ("latency_p50", "p50", "latency p50"),
    ("latency_p99", "p99", "latency p99"),
    ("calls_in_flight", "calls", "calls in flight"),
)


def draw(course: Course) -> Html | None:
    """Return the figure of a run; None when there is nothing to draw."""
    chart = Chart(
        panels=_panels(course),
        end=course.end,
        time="time of the run",
        about=describe(course),
        bands=[Band(fault.name, fault.start, fault.end) for fault in course.faults],
    )
    keys = [key(style, name) for column, style, name in _LEGEND if any(course.values(column))]
    if course.faults:
        keys.append(key("band", "fault"))
    return figure(chart, *keys)


def _panels(course: Course) -> list[Panel]:
    """Return the panels that have something to show."""
    panels = []
    if values := course.values("pending"):
        series = _series(course, [("pending", "pending")], filled=True)
        panels.append(Panel("Questions pending", series, count_axis(values), 130))
    if values := course.values("latency_p50", "latency_p99"):
        axis: Axis = seconds_axis(values)
        title = "Seconds from accepted to ended" + (", logarithmic" if axis.log else "")
        series = _series(course, [("latency_p50", "p50"), ("latency_p99", "p99")])
        panels.append(Panel(title, series, axis, 130))
    if any(values := course.values("calls_in_flight")):
        series = _series(course, [("calls_in_flight", "calls")], filled=True)
        panels.append(Panel("Model calls in flight", series, count_axis(values, 2), 64))
    return panels


def _series(
    course: Course, columns: Sequence[tuple[str, str]], *, filled: bool = False
) -> tuple[Series, ...]:
    return tuple(Series(style, course.lines(column), filled) for column, style in columns)


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

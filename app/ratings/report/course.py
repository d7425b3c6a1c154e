"""The course of the stream: events a second, latency, error of the predictions, lag."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.axes import count_axis, plain_axis, seconds_axis
from app.charts.markup import Html
from app.charts.numbers import duration, moment, shown
from app.charts.panels import Chart, Panel, Series, figure, key
from app.charts.points import Point
from app.ratings.report.workers import Course, by_worker
from models.ratings import StreamMetrics

#: More workers than this are shown as their sum alone.
MOST_WORKERS = 6

_LATENCIES = (("p50", "latency_p50_seconds"), ("p95", "latency_p95_seconds"))
_P99 = ("p99", "latency_p99_seconds")


def draw_course(metrics: Sequence[StreamMetrics]) -> Html | None:
    """Return the figure; None without metrics."""
    if not metrics:
        return None
    course = Course(metrics)
    workers = by_worker(metrics)
    named = list(workers) if 1 < len(workers) <= MOST_WORKERS else []
    total = course.rate(metrics)
    throughput = [
        Series("rate", total, filled=True),
        *(Series(f"w{n}", course.rate(workers[name])) for n, name in enumerate(named, 1)),
    ]
    panels = [Panel("Events a second", tuple(throughput), count_axis(_values(total)), 130)]
    keys = [key("rate", "all workers" if len(workers) > 1 else "events a second")]
    keys += [key(f"w{n}", name) for n, name in enumerate(named, 1)]
    if latency := _latency(course):
        panels.append(latency)
        keys += [key(style, f"latency {style}") for style, _ in (*_LATENCIES, _P99)]
    if lines := course.mean(lambda each: each.rmse):
        series = (Series("rmse", lines),)
        axis = plain_axis(_values(lines))
        panels.append(Panel("RMSE of predictions made before learning, stars", series, axis, 100))
        keys.append(key("rmse", "RMSE"))
    lag = course.added(lambda each: each.lag)
    panels.append(
        Panel("Events not yet read", (Series("lag", lag, True),), count_axis(_values(lag), 2), 64)
    )
    keys.append(key("lag", "lag"))
    chart = Chart(
        panels, course.end, f"since {moment(course.start)}", _describe(course, total, len(workers))
    )
    return figure(chart, *keys)


def _latency(course: Course) -> Panel | None:
    series = []
    for style, name in (*_LATENCIES, _P99):
        lines = course.worst(lambda each, name=name: getattr(each, name))  # type: ignore[misc]
        series.append(Series(style, lines))
    values = [value for each in series for value in _values(each.lines)]
    if not values:
        return None
    axis = seconds_axis(values)
    title = "Seconds until a rating is applied, worst worker"
    return Panel(title + (", logarithmic" if axis.log else ""), tuple(series), axis, 130)


def _values(lines: Sequence[Sequence[Point]]) -> list[float]:
    return [value for line in lines for _, value in line]


def _describe(course: Course, total: Sequence[Sequence[Point]], workers: int) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    most = round(max(_values(total), default=0.0))
    many = f"{workers} workers" if workers > 1 else "1 worker"
    return f"Course of {duration(course.end)}, {many}, at most {shown(most)} events a second"

"""The drawings of a run: its course, and the curve of percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from app.charts.axes import Axis, Tick, count_axis, seconds_axis
from app.charts.markup import Html
from app.charts.numbers import duration, shown
from app.charts.panels import NARROW, WIDE, Chart, Panel, Series, figure, key
from app.charts.plots import Curve, draw_plot
from app.charts.points import Point, unbroken
from app.charts.sections import both

#: key of a window -> (class of the style sheet, name)
_RATES = {
    "due": ("due", "due"),
    "accepted": ("accepted", "accepted"),
    "settled": ("settled", "settled"),
    "refused": ("refused", "refused"),
    "errors": ("errors", "errors"),
    "not_sent": ("unsent", "not sent"),
}
_ALWAYS = ("due", "accepted")
_STYLES = {"accept": "accepted", "settle": "settled"}
#: One minus the share -> what stands at the axis.
_TAILS = {0.5: "50", 0.1: "90", 0.01: "99", 0.001: "99.9", 1e-4: "99.99", 1e-5: "99.999"}


def draw_course(found: Mapping[str, Any]) -> Html | None:
    """Return throughput and latency over time; None when nothing was due."""
    windows, width = found["windows"], float(found["window_seconds"])
    if not windows:
        return None
    rates = {
        name: _line(windows, name, width)
        for name in _RATES
        if name in _ALWAYS or any(each[name] for each in windows)
    }
    highest = [value for line in rates.values() for part in line for _, value in part]
    series = tuple(Series(_RATES[name][0], line, name == "due") for name, line in rates.items())
    panels = [Panel("Each second", series, count_axis(highest), 150)]
    keys = [key(*_RATES[name]) for name in rates]
    for name, title in (("accept", "Seconds until accepted"), ("settle", "Seconds until settled")):
        if latency := _latency(windows, name, title):
            panels.append(latency)
    keys += [key("latency", "p50"), key("latency far", "p99")] if len(panels) > 1 else []
    about = (
        f"Course of {duration(found['end_seconds'])}: {shown(found['requests']['due'])} requests"
        f" due, {shown(found['requests']['accepted'])} accepted"
    )
    return figure(Chart(panels, len(windows) * width, "since the start", about), *keys)


def _latency(windows: Sequence[Mapping[str, Any]], name: str, title: str) -> Panel | None:
    """Return percentiles of the requests that were due in each window; None without any."""
    lines = [_line(windows, f"{name}_{share}") for share in ("p50", "p99")]
    axis = seconds_axis([at for line in lines for part in line for _, at in part])
    style = _STYLES[name]
    series = (Series(style, lines[0]), Series(f"{style} far", lines[1]))
    title += ", by when it was due" + (", logarithmic" if axis.log else "")
    return Panel(title, series, axis, 120) if any(lines) else None


def _line(
    windows: Sequence[Mapping[str, Any]], name: str, width: float | None = None
) -> list[list[Point]]:
    """Return a column of the windows as lines; by `width` it is made a rate."""
    times = [float(each["at"]) for each in windows]
    values = [None if each[name] is None else each[name] / (width or 1.0) for each in windows]
    return unbroken(times, values)


def draw_percentiles(found: Mapping[str, Any]) -> Html | None:
    """Return latency by percentile, the tail stretched: each step along is a tenth of the rest."""
    curves = {
        style: [(1.0 / tail, seconds) for tail, seconds in found[name]["curve"]]
        for style, name in (("accepted", "accept_seconds"), ("settled", "settle_seconds"))
    }
    curves = {style: points for style, points in curves.items() if points}
    if not curves:
        return None
    farthest = max(along for points in curves.values() for along, _ in points)
    high = 10.0 ** max(1.0, log10(farthest))
    ticks = tuple(Tick(1 / t, text) for t, text in _TAILS.items() if 1 / t <= high * 1.001)
    across = Axis(1.0, high, ticks, log=True)
    measured = [seconds for points in curves.values() for _, seconds in points]
    # Its middle value decides whether an axis is logarithmic: here the distance of the ends does.
    up = seconds_axis([min(measured), min(measured), max(measured)])
    names = ("percentile, %", "seconds" + (", logarithmic" if up.log else ""))
    drawn = [Curve(style, points) for style, points in curves.items()]
    about = "Latency by percentile: " + "; ".join(
        f"{name}: p50 {duration(found[key_]['p50'])}, p99 {duration(found[key_]['p99'])}"
        for name, key_ in (("accepted", "accept_seconds"), ("settled", "settle_seconds"))
        if name in curves
    )
    sizes = ((WIDE, 300.0), (NARROW, 260.0))
    wide, narrow = (draw_plot(drawn, (across, up), size, about, names) for size in sizes)
    return both(wide, narrow, *(key(style, style) for style in curves))

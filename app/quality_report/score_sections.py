"""How the answers scored, what asking again gained, and why answers were rejected."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.charts.axes import Axis, Tick
from app.charts.histogram import Histogram, Marker, Part, bins, counts, draw_histogram
from app.charts.intervals import draw_interval
from app.charts.markup import Html, join, tag
from app.charts.numbers import percent, shown
from app.charts.panels import NARROW, WIDE, key
from app.charts.sections import both, number_cell, number_head, plain_table, section
from app.core.lifecycle import Status
from app.quality_report.figures import Figures
from app.quality_report.words import many, score

_WIDTH = 0.025
_STATES = {Status.VALIDATED: "validated", Status.LOW_QUALITY: "low quality"}
#: More generations, causes or guards than this are not listed.
_MOST = 20


def metric_name(figures: Figures) -> str:
    """Return the name of the figure that the gate looked at."""
    metric = figures.basis.metric
    return {"f1": "F1", None: "F1"}.get(metric, str(metric))


def scores_section(figures: Figures) -> Html:
    spreads = {status: figures.scores[status].ordered for status in _STATES}
    values = [value for each in spreads.values() for value in each]
    drawn = _histogram(figures, values) if values else None
    said = f"{many(len(values), 'answer')} by {metric_name(figures)}."
    for marker in _threshold(figures):
        said += f" The gate lets {marker.value:g} and more pass."
    objected = sum(figures.guards.values())
    if objected:
        said += " A guard may reject an answer whose score would pass."
    return section("Scores", said, drawn, empty="No answer has a score.", name="scores")


def _histogram(figures: Figures, values: Sequence[float]) -> Html:
    low = min(0.0, math.floor(min(values) / 0.1) * 0.1)
    low = low if min(values) < 0.3 else max(0.0, math.floor((min(values) - 0.05) * 10) / 10)
    ticks = [low + 0.1 * n for n in range(round((1 - low) / 0.1) + 1)]
    axis = Axis(low, 1.0, tuple(Tick(at, f"{at:.1f}") for at in ticks))
    count = max(1, round((1 - low) / _WIDTH))
    parts = [
        Part(str(status), name, counts(axis, count, figures.scores[status].ordered))
        for status, name in _STATES.items()
    ]
    markers = _threshold(figures)
    about = (
        f"Histogram of {many(len(values), 'score')}, from {min(values):.2f} to {max(values):.2f}"
    )
    chart = Histogram(axis, bins(axis, count), parts, metric_name(figures), about, markers)
    keys = [
        key(str(status), f"{name} {shown(len(figures.scores[status]))}")
        for status, name in _STATES.items()
    ]
    wide, narrow = (draw_histogram(chart, *size) for size in ((WIDE, 200.0), (NARROW, 150.0)))
    return both(wide, narrow, *keys)


def _threshold(figures: Figures) -> tuple[Marker, ...]:
    """Mark the threshold, where it is known to be of the figure that is drawn."""
    basis = figures.basis
    if basis.threshold is None or basis.metric is None:
        return ()
    return (Marker(basis.threshold, f"threshold {basis.threshold:g}"),)


def generations_section(figures: Figures) -> Html:
    """Show what asking weak answers again gained."""
    total = figures.generations[1].reached if 1 in figures.generations else 0
    rows, sofar = [], 0
    for n, found in sorted(figures.generations.items())[:_MOST]:
        sofar += found.passed
        share = sofar / total
        rows.append(
            (
                tag("th", f"{n}", scope="row"),
                number_cell(shown(found.reached)),
                number_cell(shown(found.passed)),
                number_cell(percent(found.passed / found.reached)),
                number_cell(score(found.mean_score)),
                tag("td", _bar(share, (sofar - found.passed) / total), class_="bar"),
                number_cell(percent(share)),
            )
        )
    heads = (
        "generation",
        *map(number_head, ("asked", "passed", "of these", "mean score")),
        "validated so far",
        number_head(""),
    )
    gained = sofar - (figures.generations[1].passed if total else 0)
    said = f"Weak answers are asked again: that gained {many(gained, 'question')}"
    said += f" ({percent(gained / total)} of all)." if total else "."
    return section(
        "What asking again gained",
        said,
        plain_table(heads, rows, "generations") if rows else None,
        empty="No question with a reference has ended.",
        name="generations",
    )


def _bar(share: float, before: float) -> Html:
    """Draw a share of which `before` was there already."""
    shapes = [
        tag("rect", x=f"{100 * at:.2f}", y="0", width=f"{100 * wide:.2f}", height="10", class_=name)
        for at, wide, name in ((0.0, before, "earlier"), (before, share - before, "validated"))
    ]
    view = {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "aria-hidden": "true"}
    return tag("svg", *shapes, attributes=view, class_="bar")


def causes_section(figures: Figures) -> Html:
    """Show causes of the ends, guards that objected, and calls that failed."""
    causes = sorted(figures.causes.items(), key=lambda each: -each[1].questions)[:_MOST]
    ends = [
        (
            tag("th", tag("code", cause), scope="row"),
            number_cell(shown(tally.questions)),
            number_cell(percent(tally.questions / figures.questions)),
            number_cell(score(tally.mean_score)),
        )
        for cause, tally in causes
    ]
    heads = ("cause", *map(number_head, ("questions", "share", "mean score")))
    ended = (tag("h3", "Ends by cause"), plain_table(heads, ends, "causes")) if ends else ()
    columns = [
        tag("div", *part)
        for part in (
            ended,
            _counted("Answers that a guard rejected", "guard", figures.guards, "answers"),
            _counted("Calls that failed", "cause", figures.failures, "calls"),
        )
        if part
    ]
    return section(
        "Why answers failed",
        "",
        tag("div", *columns, class_="columns") if columns else None,
        empty="No guard objected, no call failed, and nothing died.",
        name="causes",
    )


def _counted(title: str, name: str, counted: dict[str, int], unit: str) -> tuple[Html, ...]:
    most = sorted(counted.items(), key=lambda each: -each[1])[:_MOST]
    if not most:
        return ()
    rows = [(tag("th", tag("code", each), scope="row"), number_cell(shown(n))) for each, n in most]
    return tag("h3", title), plain_table((name, number_head(unit)), rows, "causes")


def share_cell(passed: int, judged: int, low: float, high: float, beside: float | None) -> Html:
    """Return a cell with a pass share and its interval; empty where nothing was judged."""
    if not judged:
        return tag("td", class_="interval")
    drawn = draw_interval(passed / judged, low, high, beside)
    return tag("td", join(drawn), class_="interval")

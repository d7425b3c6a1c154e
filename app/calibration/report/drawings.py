"""The drawings of the page: distributions, ROC, what passes at each threshold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from app.calibration.calibrate import Calibration
from app.calibration.pairs import Kind
from app.calibration.statistics import pass_rate, roc_points
from app.charts.axes import Axis, Tick
from app.charts.markup import Html, tag
from app.charts.numbers import percent, shown
from app.charts.panels import NARROW, WIDE, key
from app.charts.plots import SHARES, Curve, Mark, Row, draw_plot, draw_rows
from app.charts.points import Point, thinned
from app.core.gate import Metric

_BIN = 0.02
_STEPS = 200


def kind_words(kind: Kind) -> str:
    """Return `numbers changed`."""
    return str(kind).replace("_", " ")


def values_of(found: Calibration, metric: Metric, kind: Kind) -> list[float]:
    """Return the scores of all pairs of a kind."""
    return [each.value(metric) for each in found.scored if each.pair.kind is kind]


def distributions(found: Calibration) -> Html:
    """Draw a histogram for each kind of pair, with the threshold through all of them."""
    by_kind = {kind: values_of(found, found.metric, kind) for kind in found.pairs}
    axis = _score_axis([value for values in by_kind.values() for value in values])
    rows = [
        Row(f"{kind_words(kind)}: {shown(len(values))}", str(kind), _binned(values, axis))
        for kind, values in by_kind.items()
    ]
    marks = [_mark(found)]
    about = "Scores by kind: " + "; ".join(row.title for row in rows)
    return _both(
        lambda width: draw_rows(rows, axis, (width, 52.0), about, str(found.metric), marks)
    )


def roc(found: Calibration) -> Html:
    """Draw the ROC curve of each metric, and where the recommended gate is on its own."""
    axis = _share_axis(found.pairs[found.negative], found.rate)
    steps = [axis.low ** (n / _STEPS) for n in range(_STEPS + 1)]
    curves = [Curve("chance", [(share, share) for share in steps])]
    keys = []
    for figures in found.metrics:
        good, bad = (values_of(found, figures.metric, kind) for kind in (Kind.GOOD, found.negative))
        curves.append(Curve(f"metric-{figures.metric}", thinned(roc_points(good, bad))))
        area = figures.whole.area
        keys.append(key(f"metric-{figures.metric}", f"{figures.metric} ({area or 0:.4f})"))
    best = found.recommended.whole
    if best.good is not None and best.bad is not None:
        at = (best.bad.share or 0.0, best.good.share or 0.0)
        curves.append(Curve(f"dot metric-{found.metric}", [at]))
    names = (f"share of {kind_words(found.negative)} pairs that pass", "good pairs that pass")
    marks = [Mark(found.rate, f"asked for: {percent(found.rate)}")]
    return _both(
        lambda width: draw_plot(
            curves, (axis, SHARES), (width, 360.0), "ROC curves by metric", names, marks
        ),
        *keys,
    )


def pass_rates(found: Calibration) -> Html:
    """Draw which share of each kind passes at each threshold."""
    by_kind = {kind: values_of(found, found.metric, kind) for kind in found.pairs}
    axis = _score_axis([value for values in by_kind.values() for value in values])
    span = axis.high - axis.low
    steps = [axis.low + span * n / _STEPS for n in range(_STEPS + 1)]
    curves = [Curve(str(kind), _passing(values, steps)) for kind, values in by_kind.items()]
    names = (f"threshold of {found.metric}", "pairs that pass")
    return _both(
        lambda width: draw_plot(
            curves,
            (axis, SHARES),
            (width, 360.0),
            "Share of pairs that pass, by threshold",
            names,
            [_mark(found)],
        ),
        *(key(str(kind), kind_words(kind)) for kind in by_kind),
    )


def _passing(values: Sequence[float], steps: Sequence[float]) -> list[Point]:
    return [(step, pass_rate(values, step).share or 0.0) for step in steps]


def _mark(found: Calibration) -> Mark:
    return Mark(found.threshold, f"{found.metric} \u2265 {found.threshold:g}")


def _both(draw: Callable[[float], Html], *keys: Html) -> Html:
    """Return a figure with a drawing for wide and one for narrow pages."""
    return tag(
        "figure",
        tag("figcaption", *keys, class_="legend") if keys else None,
        tag("div", draw(WIDE), class_="wide"),
        tag("div", draw(NARROW), class_="narrow"),
    )


def _score_axis(values: Sequence[float]) -> Axis:
    """Return an axis from 0, or below the lowest score (rescaled ones may be below 0), to 1."""
    low = min(0.0, math.floor(min(values, default=0.0) * 5) / 5)
    low = max(low, -2.0)
    ticks = [Tick(n / 5, shown(n / 5)) for n in range(round(low * 5), 6)]
    return Axis(low, 1.0, tuple(ticks))


def _share_axis(count: int, rate: float) -> Axis:
    """Return a logarithmic axis of shares, down to what so many pairs can show: low rates matter.

    No share at all is drawn at its low end.
    """
    low = 10.0 ** math.floor(math.log10(min(rate, 1 / count)))
    decades = range(round(math.log10(low)), 1)
    ticks = [Tick(10.0**n, percent(10.0**n)) for n in decades]
    return Axis(low, 1.0, tuple(ticks), log=True)


def _binned(values: Sequence[float], axis: Axis) -> list[int]:
    bins = round((axis.high - axis.low) / _BIN)
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int((value - axis.low) / _BIN)))] += 1
    return counts

"""Where the time went, and the calls and tokens of each model."""

from __future__ import annotations

from collections.abc import Mapping

from app.charts.axes import seconds_axis
from app.charts.histogram import Histogram, Marker, Part, bins, counts, draw_histogram
from app.charts.markup import Html, tag
from app.charts.numbers import duration, shown
from app.charts.panels import NARROW
from app.charts.sections import number_cell, number_head, plain_table, section
from app.core.costs import Costs
from app.core.statistics import quantile
from app.quality_report.figures import Figures, Spread
from app.quality_report.prices import Price, cost
from app.quality_report.words import many

_BINS = 32
_SHARES = (0.5, 0.9, 0.99)


def time_section(figures: Figures) -> Html:
    drawn = [
        _spread("Model calls", "seconds of a call", figures.call_seconds),
        _spread("End to end", "seconds from accepted to ended", figures.end_to_end),
    ]
    found = [each for each in drawn if each is not None]
    return section(
        "Time",
        "",
        tag("div", *found, class_="columns") if found else None,
        _waits(figures.waits),
        empty="The rows do not tell how long anything took.",
        name="time",
    )


def _spread(title: str, unit: str, spread: Spread) -> Html | None:
    if not len(spread):
        return None
    ordered = spread.ordered
    axis = seconds_axis(ordered)
    marks = [Marker(quantile(ordered, 0.5), "median"), Marker(quantile(ordered, 0.99), "p99")]
    parts = [Part("seconds", "", counts(axis, _BINS, ordered))]
    unit += ", logarithmic" if axis.log else ""
    about = f"{title}: median {duration(marks[0].value)}, p99 {duration(marks[1].value)}"
    # Two names at one place would lie over each other.
    near = axis.share(marks[1].value) - axis.share(marks[0].value) < 0.25
    chart = Histogram(axis, bins(axis, _BINS), parts, unit, about, marks[:1] if near else marks)
    said = [f"p{share * 100:g} {duration(quantile(ordered, share))}" for share in _SHARES]
    said.append(f"longest {duration(ordered[-1])}")
    return tag(
        "figure",
        tag("h3", f"{title} ({shown(len(ordered))})"),
        draw_histogram(chart, NARROW, 130.0),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def _waits(waits: Mapping[str, Spread]) -> Html | None:
    if not waits:
        return None
    rows = [
        (
            tag("th", tag("code", cause), scope="row"),
            number_cell(shown(len(spread))),
            number_cell(duration(sum(spread.ordered))),
            number_cell(duration(quantile(spread.ordered, 0.5))),
            number_cell(duration(spread.ordered[-1])),
        )
        for cause, spread in sorted(waits.items(), key=lambda each: -sum(each[1].ordered))
    ]
    heads = ("waits after", *map(number_head, ("waits", "in all", "median", "longest")))
    return tag("div", tag("h3", "Waits by cause"), plain_table(heads, rows, "waits"))


def costs_section(figures: Figures, prices: Mapping[str | None, Price]) -> Html:
    by_model = sorted(figures.costs.items(), key=lambda each: -each[1].calls)
    rows = [_model(name, costs, figures, prices) for name, costs in by_model]
    names = ["calls", "answered", "failed", "tokens read", "tokens written", "time of calls"]
    heads = ("model", *map(number_head, names), number_head("cost"))
    told = "" if figures.prompts_known else "These results do not tell how many tokens were read. "
    untold = sum(costs.untold for costs in figures.costs.values())
    told += f"{many(untold, 'answer')} came without a count of tokens." if untold else ""
    return section(
        "Models and cost",
        told,
        tag("div", plain_table(heads, rows, "models"), class_="scroll") if rows else None,
        empty="The rows do not tell which calls were made.",
        name="costs",
    )


def _model(
    name: str, costs: Costs, figures: Figures, prices: Mapping[str | None, Price]
) -> tuple[Html, ...]:
    price = cost({name: costs}, prices)
    read = shown(costs.prompt_tokens) if figures.prompts_known else "\N{EN DASH}"
    return (
        tag("th", name, scope="row"),
        number_cell(shown(costs.calls)),
        number_cell(shown(costs.answered)),
        number_cell(shown(costs.failed)),
        number_cell(read),
        number_cell(shown(costs.tokens)),
        number_cell(duration(costs.seconds)),
        number_cell(money(price)),
    )


def money(value: float | None) -> str:
    """Return an amount without its currency, which is the user's own."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:,.2f}" if value >= 1 else f"{value:.4f}"

"""Pass shares by group, and the groups in which the model is weak."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.markup import Html, tag
from app.charts.numbers import THIN, percent, shown
from app.charts.sections import number_cell, number_head, plain_table, section
from app.quality_report.figures import Figures
from app.quality_report.groups import Example, Tally, shown_dimension
from app.quality_report.score_sections import share_cell
from app.quality_report.table import cut
from app.quality_report.weak import Weak, weak_groups
from app.quality_report.words import between, many, p_value, score

#: Of more values than `_FOLDED_FROM` the first `_FEW` are shown, the others on request.
_FOLDED_FROM, _FEW = 12, 8

Dimension = tuple[str, list[tuple[str, Tally]]]


def weak_section(figures: Figures) -> Html:
    found, tested = weak_groups(figures.groups.dimensions())
    if not tested:
        none = "Too few answers were judged to compare groups: 5 in a group and 5 beside it."
    else:
        none = (
            f"No group passes significantly less often than the rest ({many(tested, 'group')}"
            f" compared, Fisher's exact test with Holm's correction, 5{THIN}%)."
        )
    said = (
        f"Groups that pass significantly less often than the rest: {shown(len(found))} of"
        f" {many(tested, 'group')} compared (Fisher's exact test with Holm's correction,"
        f" 5{THIN}%)."
    )
    cards = [_weak(each) for each in found]
    grid = tag("div", *cards, class_="weak") if cards else None
    return section("Where the model is weak", said, grid, empty=none, name="weak")


def _weak(each: Weak) -> Html:
    tally = each.tally
    lead = f"{percent(tally.pass_share)} of {shown(tally.judged)} pass"
    rest = (
        f"95{THIN}% interval {between(tally.interval)}; the rest"
        f" {percent(each.rest_share)}; {p_value(each.p_value)}"
    )
    return tag(
        "div",
        tag("small", shown_dimension(each.dimension)),
        tag("h3", _name(each.dimension, each.value)),
        tag("p", tag("strong", lead, class_="bad")),
        tag("p", rest, class_="about"),
        *(_example(example) for example in tally.examples),
        class_="card",
    )


def _example(example: Example) -> Html:
    figure = f" ({score(example.score)})" if example.score is not None else ""
    return tag(
        "dl",
        tag("dt", "asked"),
        tag("dd", example.question, dir="auto"),
        tag("dt", "wanted"),
        tag("dd", example.reference or "", dir="auto"),
        tag("dt", f"got{figure}"),
        tag("dd", example.answer or "", dir="auto"),
        class_="example",
    )


def groups_section(figures: Figures) -> Html:
    dimensions = list(figures.groups.dimensions())
    overall = figures.all.pass_share
    tables = [_dimension(each, overall) for each in dimensions]
    said = (
        f"Pass share: validated of those that the gate judged (validated and low quality), with"
        f" its 95{THIN}% interval (Wilson). The upright line is the share of all,"
        f" {percent(overall)}."
    )
    return section(
        "By group",
        said,
        tag("div", *tables, class_="packed") if tables else None,
        empty="The questions do not fall into groups.",
        name="groups",
    )


def _dimension(dimension: Dimension, overall: float | None) -> Html:
    name, values = dimension
    rows = [_row(name, value, tally, overall) for value, tally in values]
    few, rest = (rows, []) if len(rows) <= _FOLDED_FROM else (rows[:_FEW], rows[_FEW:])
    heads: Sequence[str | Html] = (
        shown_dimension(name),
        number_head("questions"),
        "pass share",
        number_head(""),
        number_head("score"),
    )
    folded = None
    if rest:
        table = plain_table(heads, rest, "group")
        folded = tag("details", tag("summary", f"{shown(len(rest))} smaller ones"), table)
    return tag("div", plain_table(heads, few, "group"), folded)


def _row(dimension: str, value: str, tally: Tally, overall: float | None) -> tuple[Html, ...]:
    low, high = tally.interval
    return (
        tag("th", _name(dimension, value), scope="row"),
        number_cell(shown(tally.questions)),
        share_cell(tally.passed, tally.judged, low, high, overall),
        number_cell(percent(tally.pass_share)),
        number_cell(score(tally.mean_score)),
    )


def _name(dimension: str, value: str) -> Html:
    """Return a group's name; with the page's script it leads to its questions."""
    return tag("span", value, dir="auto", data_group=cut(dimension), data_value=cut(value))

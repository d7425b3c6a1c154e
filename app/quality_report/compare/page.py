"""The page of two runs compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import resources

from app import __version__
from app.charts.markup import Html, tag
from app.charts.numbers import THIN, moment, percent, shown
from app.charts.page import page
from app.charts.sections import number_cell, number_head, plain_table, section
from app.charts.tiles import tile, tiles
from app.quality_report.compare.comparison import SIGNIFICANT, Change, Comparison, GroupChange
from app.quality_report.compare.pairs import Pair, Side
from app.quality_report.groups import shown_dimension
from app.quality_report.table import MOST_ROWS, Card, Chosen, Column, TableRow, cut, script, table
from app.quality_report.weak import LEAST_JUDGED
from app.quality_report.words import change as signed
from app.quality_report.words import many, p_value, score


def urgency(pair: Pair) -> float:
    """Return how much a pair needs a look: another verdict first, then the largest change."""
    size = abs(pair.change or 0.0)
    if pair.verdict in ("better", "worse"):
        return 1_000 + size
    return 100 + size if pair.before.status != pair.after.status else size


def table_row(pair: Pair, labels: dict[str, str], *, one_gate: bool) -> TableRow:
    before, after = pair.scores or (
        pair.before.figures.get(pair.metric),
        pair.after.figures.get(pair.metric),
    )
    row = pair.row
    cards = [Card("reference", row.reference)] if row.reference is not None else []
    cards += [_card("before", pair.before), _card("after", pair.after)]
    facts = [("id", row.question_id)]
    facts += [(name, str(value)) for name, value in list(row.metadata.items())[:8]]
    return TableRow(
        cells=(_state(pair, one_gate=one_gate), row.question, before, after, pair.change),
        cards=cards,
        facts=facts,
        groups=labels,
    )


def render(comparison: Comparison, chosen: Chosen, taken_at: float | None = None) -> str:
    """Return the comparison as an HTML page; texts are shown as text."""
    style = resources.files("app.quality_report").joinpath("style.css").read_text(encoding="utf-8")
    change = comparison.all
    return page(
        f"Two runs compared: {headline(comparison)}",
        style,
        _header(comparison, taken_at if taken_at is not None else time.time()),
        _list(comparison.warnings(), "warnings"),
        _tiles(comparison),
        section(
            "What one may conclude",
            "",
            _list(comparison.findings(), "findings") if change.questions else None,
            empty="The two runs have no question in common.",
            name="findings",
        ),
        _groups(comparison),
        _questions(comparison, chosen),
        _footer(),
        script=script(),
    )


def headline(comparison: Comparison) -> str:
    change = comparison.all
    if not change.questions:
        return "No question in common"
    if not comparison.joined.one_gate:
        return f"{many(change.questions, 'question')} under two gates"
    return f"{shown(change.better)} better, {shown(change.worse)} worse"


def _header(comparison: Comparison, taken_at: float) -> Html:
    joined = comparison.joined
    said = [
        moment(taken_at),
        f"before: {joined.before.path.name}",
        f"after: {joined.after.path.name}",
        f"answerloop {__version__}",
    ]
    return tag(
        "header",
        tag("p", "answerloop quality report, two runs compared", class_="kind"),
        tag("h1", headline(comparison)),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def _list(said: Sequence[str], style: str) -> Html | None:
    return tag("ul", *(tag("li", each) for each in said), class_=style) if said else None


def _tiles(comparison: Comparison) -> Html:
    change, joined = comparison.all, comparison.joined
    left = joined.only_before + joined.only_after
    one = joined.one_gate
    shares = change.shares if one else None
    moved = f"{percent(shares[0])} before" if shares else "not comparable"
    before = change.scores_before / change.scored if change.scored else None
    after = change.scores_after / change.scored if change.scored else None
    return tiles(
        tile("in both runs", change.questions, f"{shown(left)} rows without a partner"),
        tile("better", change.better if one else None, "did not pass, now pass", "good"),
        tile(
            "worse",
            change.worse if one else None,
            "passed, do not now",
            "bad" if change.worse else None,
        ),
        tile("pass share", percent(shares[1]) if shares else None, moved),
        tile(f"mean {joined.metric}", score(after), f"{score(before)} before"),
    )


def _groups(comparison: Comparison) -> Html:
    """Show groups: those that tell something first, small ones on request."""
    one_gate = comparison.joined.one_gate
    groups = comparison.groups()
    telling = [each for each in groups if each.change.judged >= LEAST_JUDGED]
    small = [each for each in groups if each.change.judged < LEAST_JUDGED]
    tables = [
        plain_table(_GROUP_HEADS, [_group(each, one_gate=one_gate) for each in part], "compared")
        for part in (telling, small)
        if part
    ]
    if telling and small:
        summary = tag("summary", f"{shown(len(small))} groups of fewer than {LEAST_JUDGED}")
        tables[1:] = [tag("details", summary, tables[1])]
    said = (
        "Pass shares, questions with another verdict, and the mean change of the score. p:"
        f" McNemar's exact test with Holm's correction; bold: significant at 5{THIN}%."
    )
    return section(
        "By group",
        said,
        tag("div", *tables, class_="scroll") if tables else None,
        empty="The questions do not fall into groups.",
        name="groups",
    )


_GROUP_HEADS = (
    "group",
    "",
    *map(number_head, ("questions", "before", "after", "better", "worse", "mean change", "p")),
)


def _group(each: GroupChange, *, one_gate: bool) -> tuple[Html, ...]:
    change = each.change
    before, after = (change.shares if one_gate else None) or (None, None)
    p = p_value(each.p_value) if one_gate and change.judged else "\N{EN DASH}"
    clear = one_gate and each.p_value < SIGNIFICANT
    name = tag(
        "span", each.value, dir="auto", data_group=cut(each.dimension), data_value=cut(each.value)
    )
    return (
        tag("td", shown_dimension(each.dimension), class_="soft"),
        tag("th", name, scope="row"),
        number_cell(shown(change.questions)),
        number_cell(percent(before)),
        number_cell(percent(after)),
        *_verdicts(change, one_gate=one_gate),
        number_cell(signed(change.mean_change)),
        tag("td", tag("b", p) if clear else p, class_="number"),
    )


def _verdicts(change: Change, *, one_gate: bool) -> tuple[Html, Html]:
    better, worse = (change.better, change.worse) if one_gate else (None, None)
    return number_cell(shown(better)), number_cell(shown(worse))


def _questions(comparison: Comparison, chosen: Chosen) -> Html:
    rows = chosen.rows(urgent_first=True)
    columns = (
        Column("change", "state"),
        Column("question", "text"),
        Column(f"{comparison.joined.metric} before", "score"),
        Column("after", "score"),
        Column("difference", "score", range=True),
    )
    dimensions = {each.dimension: shown_dimension(each.dimension) for each in comparison.groups()}
    note = (
        f"{shown(len(rows))} of {many(chosen.seen, 'question')}, those that changed most. A page"
        f" holds {shown(MOST_ROWS)} rows at most; --csv has all."
    )
    body = None
    if rows:
        body = table(columns, rows, dimensions, note if chosen.seen > len(rows) else None)
    return section(
        "Questions",
        "",
        body,
        empty="The two runs have no question in common.",
        name="questions",
    )


def _state(pair: Pair, *, one_gate: bool) -> str:
    if one_gate or pair.change is None:
        return pair.verdict
    return "higher" if pair.change > 0 else "lower" if pair.change < 0 else "same"


def _card(title: str, side: Side) -> Card:
    names = {"precision": "P", "recall": "R", "f1": "F1"}
    facts = [(short, f"{side.figures[n]:.3f}") for n, short in names.items() if n in side.figures]
    facts.append(("generation", str(side.generation)))
    facts += [("cause", side.cause)] if side.cause else []
    return Card(title, side.answer, str(side.status), facts)


def _footer() -> Html:
    return tag(
        "footer",
        tag(
            "p",
            "Better: the answer did not pass in the first run and does in the second; worse: the"
            " other way round. Scores that differ by less than 0.0001 are the same. A significant"
            " difference is one that chance alone gives in fewer than one of 20 comparisons; none"
            " found does not mean that there is none.",
        ),
    )

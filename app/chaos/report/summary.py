"""The top of the page: the sums as tiles, and a row for each scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.chaos.report.totals import (
    VERDICTS,
    Run,
    Totals,
    audit_of,
    slowest_recovery,
    verdict_of,
)
from app.charts.markup import Html, tag
from app.charts.numbers import counted, duration, number, percent, shown
from app.charts.tiles import tile
from app.charts.tiles import tiles as tiles_of

#: What must be 0.
_NEVER = ("lost", "duplicates")


def tiles(totals: Totals) -> Html:
    """Return the sums that matter, each a tile."""
    sums = totals.sums
    ended = sum(sums[name] for name in ("validated", "low_quality", "unscored", "dead"))
    calls = sums["calls"]
    repeated = sums["repeated_calls"]
    share = f"{percent(repeated / calls)} of {shown(calls)}" if repeated and calls else None
    return tiles_of(
        tile("accepted", sums["accepted"], f"{shown(ended)} ended"),
        tile("lost", sums["lost"], "must be 0", _grade(sums["lost"])),
        tile("duplicates", sums["duplicates"], "must be 0", _grade(sums["duplicates"])),
        tile("calls repeated", repeated, share or f"of {shown(calls)}"),
    )


def _grade(value: int) -> str:
    return "bad" if value else "good"


def badge(verdict: str) -> Html:
    """Return a verdict as a mark with a word."""
    mark, word = VERDICTS[verdict]
    return tag("span", tag("i", mark, aria_hidden="true"), word, class_=f"badge {verdict}")


def scenario_table(runs: Sequence[Run]) -> Html | None:
    """Return the table of scenarios; None when there are none."""
    if not runs:
        return tag("p", "There is nothing to show.")
    heads = ("scenario", "verdict", *_COUNTS, "slowest recovery", "took")
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    rows = [_row(run, place) for place, run in enumerate(runs, 1)]
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="scenarios")
    return tag("section", tag("h2", "Scenarios"), table)


_COUNTS = {
    "accepted": "accepted",
    "lost": "lost",
    "duplicates": "duplicates",
    "repeated": "repeated_calls",
}


def _row(run: Run, place: int) -> Html:
    audit = audit_of(run)
    name = tag("a", run.get("scenario") or "unnamed", href=f"#run-{place}")
    counts = [_count(label, audit.get(key), key) for label, key in _COUNTS.items()]
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", badge(verdict_of(run))),
        *counts,
        _cell("slowest recovery", duration(slowest_recovery(run))),
        _cell("took", duration(run.get("seconds"))),
        class_=verdict_of(run),
    )


def _count(label: str, value: Any, key: str) -> Html:
    bad = key in _NEVER and number(value) > 0
    return _cell(label, counted(value), "bad" if bad else None)


def _cell(label: str, value: str, grade: str | None = None) -> Html:
    return tag("td", tag("span", value, class_=grade), data_label=label, class_="number")

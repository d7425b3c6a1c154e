"""The same results on the terminal: a table of scenarios, what failed, and the verdict of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.chaos.report.totals import (
    VERDICTS,
    Run,
    audit_of,
    slowest_recovery,
    totals_of,
    verdict_of,
)
from app.charts.numbers import counted, duration, number, shown
from app.cli.output import stdout

_STYLES = {"passed": "green", "failed": "bold red", "error": "yellow", "skipped": "dim"}
_COUNTS = ("accepted", "lost", "duplicates", "repeated_calls")


def print_results(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the summary of a chaos run to `console` (stdout). Texts are printed as text."""
    out = console or stdout()
    runs = [run for run in results.get("runs") or [] if isinstance(run, Mapping)]
    if runs:
        out.print(_table(runs))
    for run in runs:
        for line in _complaints(run):
            out.print(line)
    totals = totals_of(runs)
    sums = totals.sums
    words = (
        f"{totals.headline}: {shown(sums['accepted'])} questions accepted,"
        f" {shown(sums['lost'])} lost, {shown(sums['duplicates'])} duplicates,"
        f" {shown(sums['repeated_calls'])} of {shown(sums['calls'])} calls repeated"
    )
    out.print(Text(words, style="bold green" if totals.good else "bold red"))


def _table(runs: list[Run]) -> Table:
    table = Table(header_style="bold")
    table.add_column("scenario", overflow="fold")
    table.add_column("verdict")
    for name in ("accepted", "lost", "duplicates", "repeated", "slowest recovery", "took"):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(*_row(run))
    return table


def _row(run: Run) -> list[Text]:
    verdict = verdict_of(run)
    mark, word = VERDICTS[verdict]
    audit = audit_of(run)
    counts = [
        Text(counted(audit.get(name)), style="bold red" if _is_bad(name, audit) else "")
        for name in _COUNTS
    ]
    times = (duration(slowest_recovery(run)), duration(run.get("seconds")))
    return [
        _plain(run.get("scenario") or "unnamed"),
        Text(f"{mark} {word}", style=_STYLES[verdict]),
        *counts,
        *(Text(each) for each in times),
    ]


def _is_bad(name: str, audit: Mapping[str, Any]) -> bool:
    return name in ("lost", "duplicates") and number(audit.get(name)) > 0


def _complaints(run: Run) -> Iterator[Text]:
    """Say why a run did not pass: its reason, and each check with its limit."""
    name = run.get("scenario") or "unnamed"
    if run.get("reason"):
        yield _plain(f"{name}: {run['reason']}")
    for check in run.get("checks") or []:
        if check.get("passed") is not True:
            said = f"{check.get('name')}: {check.get('measured')}, limit {check.get('limit')}"
            yield _plain(f"{name}: {said}")


def _plain(value: Any) -> Text:
    """Return text that moves no cursor: control characters become U+FFFD."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)))

"""What the doctor found, as a table for people, with the mends below what they mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from app.cli.output import stdout
from app.core.terminal import neutralised
from app.doctor.outcome import Mend, Result, Status

_STYLES = {
    Status.OK: "green",
    Status.SKIPPED: "dim",
    Status.WARNING: "yellow",
    Status.PROBLEM: "bold red",
    Status.BROKEN: "bold magenta",
}
_SIGNS = {"command": "$ ", "setting": "= ", "advice": "- "}


def print_results(results: Sequence[Result]) -> None:
    """Print the checks by area, how many stand how, and why some had nothing to look at."""
    table = Table(header_style="bold")
    for column in ("check", "status", "seen, and the mend"):
        table.add_column(column, overflow="fold", no_wrap=column == "status")
    area = ""
    looked = [each for each in results if each.outcome.status is not Status.SKIPPED]
    for result in looked:
        if area and result.area != area:
            table.add_section()
        area = result.area
        status = result.outcome.status
        table.add_row(result.check, Text(status, style=_STYLES[status]), _cell(result))
    console = stdout()
    console.print(table)
    counts = Counter(result.outcome.status for result in results)
    console.print(", ".join(f"{counts[status]} {status}" for status in Status if counts[status]))
    for why, names in _skipped(results).items():
        console.print(Text(neutralised(f"skipped, {why}: {', '.join(names)}"), style="dim"))
    if any(result.outcome.mends for result in results):
        console.print("$ a command, = a setting (environment or .env), - advice", style="dim")


def _skipped(results: Sequence[Result]) -> dict[str, list[str]]:
    """Return the checks that had nothing to look at, by reason."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.outcome.status is Status.SKIPPED:
            found.setdefault(result.outcome.seen, []).append(result.check)
    return found


def _cell(result: Result) -> Text:
    cell = Text(neutralised(result.outcome.seen))
    for line in _lines(result.outcome.mends):
        cell.append(f"\n{neutralised(line)}", style="bold")
    return cell


def _lines(mends: Iterable[Mend]) -> Iterable[str]:
    return (_SIGNS[mend.kind] + mend.text for mend in mends)

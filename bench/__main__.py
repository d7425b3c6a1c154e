"""Runs the benches in turn, each beside its peer in one run, and prints one table with the goals.

    python -m bench [--quick] [--only NAME ...] [--budget MINUTES] [--json] [--write] [--list]
    python -m bench --json > figures.json; python -m bench --from figures.json [--write]

Two idle cores need about 25 minutes for all, `--quick` about 5. A bench for which no time is left
is left out and said so. Figures of a busy machine are those of other programs as well: there is a
warning. `--write` puts the table into docs/benchmarks.md, between its marks. Exit codes: 0 all
benches ran, 1 one failed or was left out, 2 usage. Goals are data: bench/goals.toml.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli import output
from app.cli.live_bar import LiveBar
from bench.catalogue import BENCHES, Bench, chosen
from bench.goals import read_goals
from bench.machine import busy, commit, machine
from bench.results import Ran, Row, as_json, from_json, rows_of
from bench.running import ROOT, BenchError, run_json
from bench.table import COLUMNS, cells, facts, markdown, verdict, write_block

PAGE = ROOT / "docs" / "benchmarks.md"
MINUTES, QUICK_MINUTES = 25.0, 5.0


class Progress(LiveBar):
    """A bar over the seconds that the benches are expected to take; a line for each bench."""

    def __init__(self, expected: int) -> None:
        self._lines = output.stderr()
        super().__init__(
            self._lines,
            TextColumn("{task.fields[what]}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
        )
        self._task = self._bar.add_task("", total=max(1, expected), what="")

    def begin(self, place: str, bench: Bench, about: int) -> None:
        self._bar.update(self._task, what=bench.name)
        self._lines.print(
            f"{place} {bench.name}: {bench.about} (about {about} s) ...", markup=False
        )

    def end(self, ran: Ran, about: int) -> None:
        self._bar.advance(self._task, about)
        words = f": {ran.reason}" if ran.reason else f" in {ran.seconds:.0f} s"
        self._line(f"      {ran.name}: {ran.status}{words}")

    def _line(self, text: str) -> None:
        self._lines.print(text, markup=False, soft_wrap=True)


def run_all(benches: list[Bench], *, quick: bool, minutes: float) -> tuple[list[Ran], list[Row]]:
    """Run the benches in turn until the time is over; return what each gave."""
    goals, ran, rows = read_goals(), list[Ran](), list[Row]()
    end = time.monotonic() + minutes * 60
    with Progress(sum(bench.expected(quick=quick) for bench in benches)) as progress:
        for n, bench in enumerate(benches, 1):
            about = bench.expected(quick=quick)
            progress.begin(f"[{n}/{len(benches)}]", bench, about)
            done, found = _one(bench, quick=quick, left=end - time.monotonic(), goals=goals)
            progress.end(done, about)
            ran.append(done)
            rows += found
    return ran, rows


def _one(bench: Bench, *, quick: bool, left: float, goals: dict[str, Any]) -> tuple[Ran, list[Row]]:
    arguments = bench.arguments(quick=quick)
    command = shlex.join(["python", *arguments])
    if left <= 0:
        return Ran(bench.name, command, "left out", reason="the time of --budget is over"), []
    began = time.monotonic()
    try:
        raw = run_json(arguments, bench.limit(quick=quick))
        rows = rows_of(bench.name, bench.read(raw), goals)
    except BenchError as error:
        return Ran(bench.name, command, "failed", time.monotonic() - began, str(error)), []
    return Ran(bench.name, command, "done", time.monotonic() - began, raw=raw), rows


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Ran], list[Row]]:
    """Run what the options choose; return facts, benches and figures."""
    started, began, here = datetime.now(UTC), time.monotonic(), machine()
    if busy(here):
        words = "the machine is busy (load {:.1f} on {} cores): read the ratios, not the figures"
        output.print_error("warning: " + words.format(here["load"][0], here["cores"]))
    minutes = options.budget or (QUICK_MINUTES if options.quick else MINUTES)
    ran, rows = run_all(chosen(options.only), quick=options.quick, minutes=minutes)
    about = {
        "command": "python -m bench" + " --quick" * options.quick,
        "quick": options.quick,
        "started_at": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began, 1),
        "machine": here,
        "code": commit(ROOT),
    }
    return about, ran, rows


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [bench.name for bench in BENCHES]
    parser.add_argument("--quick", action="store_true", help="smaller runs, some goals not judged")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--budget", type=_minutes, metavar="MINUTES", help="begin no bench after")
    parser.add_argument("--list", action="store_true", help="what there is, and its command")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="a kept --json")
    parser.add_argument("--json", action="store_true", help="all figures, and what each bench said")
    parser.add_argument("--write", action="store_true", help=f"the table into docs/{PAGE.name}")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write is for the whole table: leave out --only")
    if options.file and (options.only or options.quick or options.budget):
        parser.error("--from shows a run that was: leave out --only, --quick and --budget")
    return options


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError("is a number of minutes above 0")
    return minutes


def main() -> int:
    options = parsed()
    if options.list:
        rows = [
            (bench.name, bench.about, shlex.join(("python", *bench.arguments(quick=options.quick))))
            for bench in BENCHES
        ]
        output.print_table(None, ("name", "what", "command"), rows)
        return 0
    try:
        about, ran, rows = _kept(options.file) if options.file else measure(options)
        if options.write:
            write_block(PAGE, markdown(about, ran, rows))
    except (OSError, ValueError) as error:
        output.print_error(f"bench: {error}")
        return 2
    except KeyboardInterrupt:
        output.print_error("stopped")
        return 130
    if options.json:
        output.print_json(as_json(about, ran, rows))
    else:
        show(about, ran, rows)
    return int(any(each.status != "done" for each in ran))


def _kept(file: Path) -> tuple[dict[str, Any], list[Ran], list[Row]]:
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{file}: not what `python -m bench --json` prints")
    return from_json(found)


def show(about: dict[str, Any], ran: list[Ran], rows: list[Row]) -> None:
    """Print the table, and below it what it was measured on."""
    table = Table(header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("what", "met") else "right")
    for row in rows:
        style = "red" if row.met is False else None
        table.add_row(*map(output.printable, cells(row)), style=style)
    console = output.stdout()
    console.print(table)
    for line in (*facts(about), verdict(rows)):
        console.print(line, markup=False, soft_wrap=True)
    for each in ran:
        if each.status != "done":
            output.print_error(f"{each.name}: {each.status}: {each.reason}")


if __name__ == "__main__":
    sys.exit(main())

"""What traces and histograms cost: processor time of a question, and of a rating, without and with.

    python -m bench.tracing_cost [--questions 300] [--ratings 100000] [--rounds 12] [--seconds 150]
                                 [--json]

All runs are in one process, in rounds of each way once, in an order that turns: traces off, one
question in a hundred, all; and off without histograms. A collector of its own takes the spans over
HTTP and reads none. Changes are medians of the pairs of a round (off beside the other), with an
interval that holds the median in 19 of 20 cases from six rounds on. It ends within `--seconds`, but
one round is run in any case. Log, store, model and scorer are in memory, which makes the shares
larger than they are with servers. What off costs by itself is counted: how often a question asks,
by what a call takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from app.logs import configure_logging
from app.loop import run as run_loop
from bench.dashboard_cost import compared
from bench.running import ROOT
from bench.tracing_arms import ARMS, OFF, RATING_ARMS, measure

PATHS = {"questions": ARMS, "ratings": RATING_ARMS}


@contextmanager
def collector() -> Iterator[str]:
    """Run a collector in a process of its own; give its address."""
    command = [sys.executable, "-m", "bench.tracing_arms"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def summary(rounds: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return of each arm: microseconds of one, spans, lost spans, and its change to off."""
    found = {}
    for name in rounds[0]:
        pairs = [(each[OFF.name]["ms"], each[name]["ms"]) for each in rounds]
        beside = compared(pairs)
        found[name] = {
            "us": beside["with"] * 1e3,
            "change": beside["change"],
            "interval": beside["interval"],
            "spans": statistics.median(each[name]["spans"] for each in rounds),
            "dropped": max(each[name]["dropped"] for each in rounds),
        }
    return found


def figures_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed with `--json`."""
    paths = {path: summary(found[path]) for path in PATHS}
    off = found["off"]
    return {
        "rounds": {path: len(found[path]) for path in PATHS},
        **off,
        "off_share": off["off_us"] / paths["questions"][OFF.name]["us"],
        **paths,
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(title=f"processor time, rounds: {found['rounds']}")
    for column in ("of one of the", "traces", "us", "change", "interval", "spans", "lost"):
        table.add_column(column, justify="left" if column in ("traces",) else "right")
    for path in PATHS:
        for name, row in found[path].items():
            low, high = row["interval"]
            table.add_row(
                path,
                name,
                f"{row['us']:.1f}",
                f"{row['change']:+.1%}",
                f"{low:+.1%} to {high:+.1%}",
                f"{row['spans']:.3g}",
                f"{row['dropped']:.0f}",
            )
    console = Console()
    console.print(table)
    console.print(
        f"off: {found['off_calls']:.0f} calls and {found['off_us']:.1f} us of a question,"
        f" {found['off_share']:.2%} of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--ratings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=150.0, help="of all rounds together")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logging("console", "warning")
    for name in [each for each in os.environ if each.startswith(("OTEL_", "ANSWERLOOP_"))]:
        del os.environ[name]
    counts = (options.questions, options.ratings)
    with collector() as url:
        found = figures_of(run_loop(measure(url, counts, options.rounds, options.seconds)))
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        show(found)


if __name__ == "__main__":
    main()

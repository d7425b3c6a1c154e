"""What traces and histograms cost: processor time of a question, and of a rating, without and with.

    python -m bench.tracing_cost [--questions 1000] [--ratings 200000] [--rounds 6] [--seconds 150]
                                 [--json]

Each run is a process of its own; a collector of its own takes the spans over HTTP and reads none.
A round runs everything once, in an order that turns from round to round: traces off, one question
in a hundred, all; and off without histograms. No round but the first begins once `--seconds` are
over. Changes are medians of the pairs of a round (off beside the other), with an interval
that holds the median in 19 of 20 cases from six rounds on: what else the machine does moves them by
percents. Log, store, model and scorer are in memory, which makes the shares larger than they are
with servers. What off costs by itself is counted: how often a question asks, by what a call takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.dashboard_cost import compared
from bench.running import ROOT, run_json

LIMIT_SECONDS = 120.0
RATIO = "0.01"


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to run, beside traces that are off."""

    name: str
    sampler: str | None = None
    histograms: bool = True


OFF = Arm("off")
ARMS = (
    OFF,
    Arm("one in a hundred", "parentbased_traceidratio"),
    Arm("all", "parentbased_always_on"),
    Arm("off, no histograms", histograms=False),
)
#: A thousand ratings have less than one span: one in a hundred of them is not measurable.
PATHS = {"questions": ARMS, "ratings": (OFF, ARMS[2], ARMS[3])}


@contextmanager
def collector() -> Iterator[str]:
    """Run a collector in a process of its own; give its address."""
    command = [sys.executable, "-m", "bench.tracing_arms", "collect"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def run(path: str, arm: Arm, count: int, url: str) -> dict[str, Any]:
    """Run once, and return what it used."""
    arguments = ["-m", "bench.tracing_arms", path, "--count", str(count)]
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("OTEL_", "ANSWERLOOP_"))}
    if arm.sampler is not None:
        arguments += ["--collector", url]
        kept |= {"OTEL_TRACES_SAMPLER": arm.sampler}
        if "ratio" in arm.sampler:
            kept["OTEL_TRACES_SAMPLER_ARG"] = RATIO
    if not arm.histograms:
        arguments.append("--no-histograms")
    return run_json(arguments, LIMIT_SECONDS, environment=kept)


def measure(options: argparse.Namespace) -> dict[str, list[dict[str, dict[str, Any]]]]:
    """Return the rounds of each path: what each arm used."""
    counts = {"questions": options.questions, "ratings": options.ratings}
    rounds: dict[str, list[dict[str, dict[str, Any]]]] = defaultdict(list)
    end = time.monotonic() + options.seconds
    with collector() as url:
        for number in range(options.rounds):
            if number and time.monotonic() > end:
                break
            for path, arms in PATHS.items():
                turned = [*arms[number % len(arms) :], *arms[: number % len(arms)]]
                found = {arm.name: run(path, arm, counts[path], url) for arm in turned}
                rounds[path].append(found)
            sys.stderr.write(f"round {number + 1} of {options.rounds} at most\n")
    return rounds


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


def figures_of(rounds: dict[str, list[dict[str, dict[str, Any]]]]) -> dict[str, Any]:
    """Return what is printed with `--json`."""
    asked = [each[OFF.name] for each in rounds["questions"]]
    off_us = statistics.median(each["off_us"] for each in asked)
    return {
        "rounds": len(asked),
        "off_us": off_us,
        "off_calls": asked[0]["off_calls"],
        "off_share": statistics.median(each["off_us"] / each["ms"] / 1e3 for each in asked),
        **{path: summary(found) for path, found in rounds.items()},
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(title=f"processor time, {found['rounds']} rounds")
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
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--ratings", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=150.0, help="begin no round after")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures_of(measure(options))
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        show(found)


if __name__ == "__main__":
    main()

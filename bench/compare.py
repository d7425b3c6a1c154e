"""Compares the speed of two commits: the same bench on both, in turn, in one environment.

    python -m bench.compare BASE [HEAD] [--only NAME ...] [--repeats 5] [--tolerance 0.1] [--json]

Both are checked out into temporary worktrees, removed at the end, and processes there are proved to
import their code. The bench itself is HEAD's on both sides, unless `--own-bench` is given: a figure
is not to change because its bench did. Rounds begin with one and the other by turns; runs are those
of `--quick` (`--full`: the long ones). Each figure has the median of each side, head / base, and
the interval of that ratio (Mann-Whitney, exact); with fewer than four repeats there is none of
95 %. One figure in twenty has an interval that is wrong: repeat what surprises. Uncommitted changes
are not compared. Exit codes: 0 nothing is slower beyond the tolerance, 1 something is, or a bench
failed, 2 usage.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from app.cli import output
from bench.catalogue import BENCHES, Bench
from bench.differences import Difference, Run, differences
from bench.machine import busy, machine
from bench.rank_sum import needed
from bench.running import ROOT, BenchError, run_json
from bench.worktrees import (
    GitError,
    check_imports,
    compile_modules,
    environment_of,
    git,
    resolve,
    worktrees,
)

COLUMNS = ("bench", "what", "base", "head", "head / base", "interval", "verdict")


def compare(
    options: argparse.Namespace, repository: Path, benches: Sequence[Bench]
) -> dict[str, Any]:
    """Measure and return the differences. Raises GitError, BenchError."""
    base, head = (resolve(repository, each) for each in (options.base, options.head))
    found: list[Difference] = []
    with worktrees(repository, base, head) as trees:
        if not options.own_bench:
            git(trees[0], "checkout", "--quiet", head, "--", "bench")
        for tree in trees:
            compile_modules(tree)
            check_imports(tree)
        for bench in benches:
            found += _of_bench(bench, trees, options)
    return {
        "base": base,
        "head": head,
        "repeats": options.repeats,
        "tolerance": options.tolerance,
        "confidence": options.confidence,
        "machine": machine(),
        "differences": [asdict(each) for each in found],
    }


def _of_bench(bench: Bench, trees: list[Path], options: argparse.Namespace) -> list[Difference]:
    runs: tuple[list[Run], list[Run]] = ([], [])
    for turn in range(options.repeats):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            name = ("base", "head")[side]
            output.print_error(f"{bench.name}, round {turn + 1} of {options.repeats}: {name} ...")
            try:
                raw = run_json(
                    bench.arguments(quick=not options.full),
                    bench.limit(quick=not options.full),
                    folder=trees[side],
                    environment=environment_of(trees[side]),
                )
            except BenchError as error:
                raise BenchError(f"{bench.name} of {name}: {error}") from None
            runs[side].append(bench.read(raw))
    return differences(
        bench.name, *runs, tolerance=options.tolerance, confidence=options.confidence
    )


def parsed(arguments: Sequence[str] | None, benches: Sequence[Bench]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [bench.name for bench in benches]
    parser.add_argument("base", metavar="BASE", help="a commit, branch or tag")
    parser.add_argument("head", metavar="HEAD", nargs="?", default="HEAD", help="likewise")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--repeats", type=_count, default=5, help="runs of each side (5)")
    parser.add_argument(
        "--tolerance", type=_share, default=0.1, help="0.1: 10 %% slower is no fault"
    )
    parser.add_argument("--confidence", type=_share, default=0.95, help="of the intervals (0.95)")
    parser.add_argument(
        "--full", action="store_true", help="the long runs instead of the quick ones"
    )
    parser.add_argument("--own-bench", action="store_true", help="each commit's own bench/")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.base.startswith("-") or not 0 < options.confidence < 1:
        parser.error("--confidence is above 0 and below 1")
    return options


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("is a number from 1")
    return count


def _share(text: str) -> float:
    if not 0 <= (share := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError("is a number from 0")
    return share


def main(
    arguments: Sequence[str] | None = None,
    repository: Path = ROOT,
    benches: Sequence[Bench] = BENCHES,
) -> int:
    options = parsed(arguments, benches)
    chosen = [bench for bench in benches if options.only is None or bench.name in options.only]
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        _announce(options, chosen)
        found = compare(options, repository, chosen)
    except GitError as error:
        output.print_error(f"bench.compare: {error}")
        return 2
    except BenchError as error:
        output.print_error(f"bench.compare: {error}")
        return 1
    except KeyboardInterrupt:
        output.print_error("stopped; the worktrees are removed")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    if options.json:
        output.print_json(found)
    else:
        output.print_table(_title(found), COLUMNS, map(_cells, found["differences"]))
    return int(any(each["beyond"] for each in found["differences"]))


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _announce(options: argparse.Namespace, chosen: Sequence[Bench]) -> None:
    seconds = sum(bench.expected(quick=not options.full) for bench in chosen) * 2 * options.repeats
    output.print_error(f"about {seconds / 60:.0f} minutes")
    if busy(machine()):
        output.print_error("warning: the machine is busy: intervals will be wide")
    if options.repeats < (least := needed(options.confidence)):
        output.print_error(f"warning: --repeats below {least} can't show a difference")


def _title(found: dict[str, Any]) -> str:
    return (
        f"{found['base'][:10]} and {found['head'][:10]}, medians of {found['repeats']}, "
        f"intervals of {found['confidence']:.0%}"
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    base, head = (f"{row[side]:,.4g} {row['unit']}".rstrip() for side in ("base", "head"))
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f}"
    interval = "-" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
    verdict = row["verdict"] + (", beyond the tolerance" if row["beyond"] else "")
    return (row["bench"], row["name"], base, head, ratio, interval, verdict)


if __name__ == "__main__":
    sys.exit(main())

"""Our scorer beside `BERTScorer.score` of bert-score, on the same pairs, in one run.

    python -m bench.scorer [--json] [--threads 1 2] [--rounds 3] [--seconds 150] [--no-memory]

Each figure is the median of the rounds in pairs/s; the three take turns. No round begins for which
the time that is left of `--seconds` is too short; each row has one at least. "new" has references
that our scorer has not seen, "kept" other candidates for the same references. "difference" is the
largest distance of a precision, recall or F1 from the library's for the pair alone; "company" is
how far the library's own figures for a batch are from those: it clips at 0 where it pads.
Memory is that of a process that has loaded one of the two and scored 64 pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.adapters.scorer.bertscore import load_library
from app.adapters.scorer.fast import FastScorer
from app.adapters.scorer.models import choose_encoder
from bench.gate_pairs import ROWS

Pair = tuple[str, str]
Figures = list[tuple[float, float, float]]
Score = Callable[[list[Pair]], Awaitable[Figures]]

#: Words of the shortest and the longest text of a set.
SETS = {"short (8-30 words)": (8, 30), "mixed (8-150 words)": (8, 150)}
BATCHES = (1, 8, 64)
#: A batch size is timed on at least this many pairs.
_PAIRS = 8
#: So many pairs are scored by the library one by one as well, for the differences.
_ALONE = 8


def pairs_of(bounds: tuple[int, int], count: int, draw: random.Random) -> list[tuple[str, str]]:
    """Return pairs of texts made of real sentences, cut to a number of words drawn in `bounds`."""
    words = " ".join(row.long for row in ROWS).split()

    def text() -> str:
        start = draw.randrange(len(words))
        length = draw.randint(*bounds)
        return " ".join((words[start:] + words)[:length])

    return [(text(), text()) for _ in range(count)]


async def compare(threads: int, rounds: int, seconds: float, graphs: Path) -> list[dict[str, Any]]:
    """Time both on each set and batch size, in about so many seconds, loading not counted."""
    ours, theirs = await _open_ours(threads, graphs), _open_library(threads)
    for each in (ours, theirs):
        await each(pairs_of((8, 30), 4, random.Random(1)))
    rows = []
    whole = sum(BATCHES) * len(SETS) + 4 * _PAIRS * len(SETS)
    for name, bounds in SETS.items():
        for batch in BATCHES:
            share = seconds * (max(batch, _PAIRS) + _PAIRS) / whole
            rows.append(await _row(name, bounds, batch, threads, rounds, share, ours, theirs))
            print(rows[-1], file=sys.stderr)
    return rows


async def _row(
    name: str,
    bounds: tuple[int, int],
    batch: int,
    threads: int,
    rounds: int,
    seconds: float,
    ours: Score,
    theirs: Score,
) -> dict[str, Any]:
    speeds: dict[str, list[float]] = {"library": [], "new": [], "kept": []}
    difference = company = longest = 0.0
    draw = random.Random(f"{name}{batch}{threads}")
    began = time.perf_counter()
    while len(speeds["kept"]) < rounds:
        round_began = time.perf_counter()
        if speeds["kept"] and round_began - began + longest > seconds:
            break
        pairs = pairs_of(bounds, max(batch, _PAIRS), draw)
        others = pairs_of(bounds, len(pairs), draw)
        again = [(other[0], pair[1]) for other, pair in zip(others, pairs, strict=True)]
        figures: dict[str, Figures] = {}
        for way, score, scored in (
            ("library", theirs, pairs),
            ("new", ours, pairs),
            ("kept", ours, again),
        ):
            started = time.perf_counter()
            figures[way] = []
            for start in range(0, len(scored), batch):
                figures[way] += await score(scored[start : start + batch])
            speeds[way].append(len(scored) / (time.perf_counter() - started))
        alone = [(await theirs([pair]))[0] for pair in pairs[:_ALONE]]
        difference = max(difference, _distance(alone, figures["new"]))
        company = max(company, _distance(alone, figures["library"]))
        longest = max(longest, time.perf_counter() - round_began)
    middle = {way: statistics.median(each) for way, each in speeds.items()}
    return {
        "set": name,
        "threads": threads,
        "batch": batch,
        "rounds": len(speeds["kept"]),
        **{f"{way}_pairs_s": round(speed, 1) for way, speed in middle.items()},
        "ratio_new": round(middle["new"] / middle["library"], 2),
        "ratio_kept": round(middle["kept"] / middle["library"], 2),
        "difference": float(f"{difference:.1e}"),
        "company": float(f"{company:.1e}"),
    }


def _distance(some: Figures, others: Figures) -> float:
    return max(
        abs(one - other)
        for row, other_row in zip(some, others, strict=False)
        for one, other in zip(row, other_row, strict=True)
    )


async def _open_ours(threads: int, graphs: Path) -> Score:
    scorer = FastScorer(threads=threads, graph_folder=graphs)
    print(await scorer.check(), file=sys.stderr)

    async def score(pairs: list[Pair]) -> Figures:
        return [(each.precision, each.recall, each.f1) for each in await scorer.score(pairs)]

    return score


def _open_library(threads: int) -> Score:
    library = load_library(choose_encoder(None), threads)

    def score_here(pairs: list[Pair]) -> Figures:
        columns = library.score(*[list(texts) for texts in zip(*pairs, strict=True)])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    async def score(pairs: list[Pair]) -> Figures:
        return await asyncio.to_thread(score_here, pairs)

    return score


def _memory(graphs: Path) -> dict[str, dict[str, int]]:
    """Run each alone in a process and return its memory in MiB, now and at most."""
    found = {}
    for which in ("library", "ours"):
        command = [sys.executable, "-m", "bench.scorer", "--memory-of", which, str(graphs)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[which] = json.loads(done.stdout)
    return found


async def _work(which: str, graphs: Path) -> None:
    score = _open_library(1) if which == "library" else await _open_ours(1, graphs)
    await score(pairs_of((8, 150), 64, random.Random(2)))


def _memory_here() -> dict[str, int]:
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    sizes = {line[0]: int(line[1]) // 1024 for line in lines if line[0] in ("VmRSS:", "VmHWM:")}
    return {"now_mib": sizes["VmRSS:"], "peak_mib": sizes["VmHWM:"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3, help="at most, for each row")
    parser.add_argument("--seconds", type=float, default=150, help="for all rows together")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        which, folder = arguments.memory_of
        asyncio.run(_work(which, Path(folder)))
        print(json.dumps(_memory_here()))
        return
    with tempfile.TemporaryDirectory(prefix="bench-scorer-") as folder:
        graphs = Path(folder)
        share = arguments.seconds / len(arguments.threads)
        rows = [
            row
            for count in arguments.threads
            for row in asyncio.run(compare(count, arguments.rounds, share, graphs))
        ]
        memory = {} if arguments.no_memory else _memory(graphs)
    if arguments.json:
        print(json.dumps({"rows": rows, "memory": memory}, indent=2))
        return
    print(
        f"{'set':<21}{'threads':>8}{'batch':>6}{'library':>9}{'new':>8}{'kept':>8}"
        f"{'new x':>7}{'kept x':>8}{'difference':>12}{'company':>10}"
    )
    for row in rows:
        print(
            f"{row['set']:<21}{row['threads']:>8}{row['batch']:>6}{row['library_pairs_s']:>9}"
            f"{row['new_pairs_s']:>8}{row['kept_pairs_s']:>8}{row['ratio_new']:>7}"
            f"{row['ratio_kept']:>8}{row['difference']:>12.1e}{row['company']:>10.1e}"
        )
    for which, sizes in memory.items():
        print(f"memory, {which}: {sizes['now_mib']} MiB, at most {sizes['peak_mib']} MiB")


if __name__ == "__main__":
    main()

"""Our scorer beside `BERTScorer.score` of bert-score, on the same pairs, in one run.

    python -m bench.scorer [--json] [--threads 1 2] [--rounds 3] [--seconds 150] [--no-memory]
                           [--clock wall|cpu]

Each figure is the median of the rounds in pairs/s; the three take turns. No round begins for which
the time that is left of `--seconds` is too short; each row has one at least. "new" has references
that our scorer has not seen, "kept" other candidates for the same references. "difference" is the
largest distance of a precision, recall or F1 from the library's for the pair alone; "company" is
how far the library's own figures for a batch are from those: it clips at 0 where it pads.
GFLOP/s: the multiply-adds (twice) that the texts need, padding not counted, over the whole time;
"sgemm": the encoder's products by its weights and nothing else, at the rows of that batch, by the
fastest of numpy, torch and onnxruntime in the same round; "share": ours of it; "limit": the ratio
to the library that a scorer would have that did those products at that rate, and the rest for free.
`--clock cpu` counts processor seconds of all threads instead of the wall's: for a busy machine.
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
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from app.adapters.scorer.bertscore import load_library
from app.adapters.scorer.fast import FastScorer
from app.adapters.scorer.models import choose_encoder
from bench.gate_pairs import ROWS
from bench.scorer_limit import MOST_ROWS, Clock, Sgemm, Work, lengths_of

Pair = tuple[str, str]
Figures = list[tuple[float, float, float]]
Score = Callable[[list[Pair]], Awaitable[Figures]]

#: Words of the shortest and the longest text of a set.
SETS = {"short (8-30 words)": (8, 30), "mixed (8-150 words)": (8, 150)}
BATCHES = (1, 8, 64)
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
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


async def compare(
    threads: int, rounds: int, seconds: float, graphs: Path, clock: Clock
) -> list[dict[str, Any]]:
    """Time both on each set and batch size, in about so many seconds, loading not counted."""
    ours = await _open_ours(threads, graphs)
    library = load_library(choose_encoder(None), threads)
    theirs = _score_by(library)
    limit = Limit(library, threads, clock)
    for each in (ours, theirs):
        await each(pairs_of((8, 30), 4, random.Random(1)))
    rows = []
    whole = sum(BATCHES) * len(SETS) + 4 * _PAIRS * len(SETS)
    for name, bounds in SETS.items():
        for batch in BATCHES:
            share = seconds * (max(batch, _PAIRS) + _PAIRS) / whole
            rows.append(
                await _row(name, bounds, batch, threads, rounds, share, ours, theirs, limit)
            )
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
    limit: Limit,
) -> dict[str, Any]:
    speeds: dict[str, list[float]] = {"library": [], "new": [], "kept": []}
    needs: dict[str, list[float]] = {"new": [], "kept": []}
    rates: list[dict[str, float]] = []
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
            started = limit.clock()
            figures[way] = []
            for start in range(0, len(scored), batch):
                figures[way] += await score(scored[start : start + batch])
            speeds[way].append(len(scored) / (limit.clock() - started))
        needs["new"].append(limit.gflop_of(text for pair in pairs for text in pair) / len(pairs))
        needs["kept"].append(limit.gflop_of(pair[0] for pair in again) / len(again))
        rates.append(limit.rates([text for pair in pairs[:batch] for text in pair]))
        alone = [(await theirs([pair]))[0] for pair in pairs[:_ALONE]]
        difference = max(difference, _distance(alone, figures["new"]))
        company = max(company, _distance(alone, figures["library"]))
        longest = max(longest, time.perf_counter() - round_began)
    middle = {way: statistics.median(each) for way, each in speeds.items()}
    need = {way: statistics.median(each) for way, each in needs.items()}
    by = {name: statistics.median(each[name] for each in rates) for name in rates[0]}
    fastest = max(by, key=by.__getitem__)
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
        "gflop_a_pair": round(need["new"], 3),
        "library_gflop_s": round(middle["library"] * need["new"], 1),
        "new_gflop_s": round(middle["new"] * need["new"], 1),
        "kept_gflop_s": round(middle["kept"] * need["kept"], 1),
        "sgemm_gflop_s": {name: round(rate, 1) for name, rate in by.items()},
        "share_new": round(middle["new"] * need["new"] / by[fastest], 2),
        "share_kept": round(middle["kept"] * need["kept"] / by[fastest], 2),
        "limit_new": round(by[fastest] / need["new"] / middle["library"], 2),
        "limit_kept": round(by[fastest] / need["kept"] / middle["library"], 2),
    }


class Limit:
    """What the encoder of `library` has to do for texts, and how fast this machine could."""

    def __init__(self, library: Any, threads: int, clock: Clock) -> None:
        self.clock = clock
        self._tokenizer = library._tokenizer
        self.work = Work.of(library._model, choose_encoder(None).num_layers)
        self._sgemm = Sgemm(self.work, threads, clock)

    def gflop_of(self, texts: Iterable[str]) -> float:
        return self.work.gflop(lengths_of(self._tokenizer, texts))

    def rates(self, texts: list[str]) -> dict[str, float]:
        """Return sgemm's GFLOP/s by library, at the rows that these texts are together."""
        return self._sgemm.rates(min(MOST_ROWS, sum(lengths_of(self._tokenizer, texts))))


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


def _score_by(library: Any) -> Score:
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
    score = (
        _score_by(load_library(choose_encoder(None), 1))
        if which == "library"
        else await _open_ours(1, graphs)
    )
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
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
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
        clock = CLOCKS[arguments.clock]
        share = arguments.seconds / len(arguments.threads)
        rows = [
            row
            for count in arguments.threads
            for row in asyncio.run(compare(count, arguments.rounds, share, graphs, clock))
        ]
        memory = {} if arguments.no_memory else _memory(graphs)
    if arguments.json:
        print(json.dumps({"clock": arguments.clock, "rows": rows, "memory": memory}, indent=2))
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
    print(
        f"\n{'GFLOP/s':<21}{'threads':>8}{'batch':>6}{'library':>9}{'new':>8}{'kept':>8}"
        f"{'sgemm':>8}  {'by':<12}{'share new':>10}{'kept':>7}{'limit new':>11}{'kept':>7}"
    )
    for row in rows:
        by, rate = max(row["sgemm_gflop_s"].items(), key=lambda each: each[1])
        print(
            f"{row['set']:<21}{row['threads']:>8}{row['batch']:>6}{row['library_gflop_s']:>9}"
            f"{row['new_gflop_s']:>8}{row['kept_gflop_s']:>8}{rate:>8}  {by:<12}"
            f"{row['share_new']:>10.0%}{row['share_kept']:>7.0%}{row['limit_new']:>10}x"
            f"{row['limit_kept']:>6}x"
        )
    for which, sizes in memory.items():
        print(f"memory, {which}: {sizes['now_mib']} MiB, at most {sizes['peak_mib']} MiB")


if __name__ == "__main__":
    main()

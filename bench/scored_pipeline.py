"""The pipeline with the scorer on, beside the scorer fed directly with the same pairs, in one run.

    python -m bench.scored_pipeline [--questions 200] [--words 8 150] [--threads 1] [--json]

The model is a fake server that answers at once, so that the scorer is the bottleneck: embedded log,
embedded PostgreSQL (fsync on), BERTScore with the bundled MiniLM in the same process. Directly, the
answers and references of that run go to a scorer of their own, all at once, before the pipeline
(with the answers that it will get) and after it; the mean counts. Loading is not counted. The
processors' time of both is printed as well: what the pipeline needs beside the scorer comes out of
the same cores.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.adapters.scorer.fast import FastScorer
from app.cli.batch import Batch, Totals
from app.cli.engine import LocalAsker, local_engine
from app.cli.progress import BatchProgress
from app.fake_llm.answers import echo
from app.files import Layout
from app.loop import run
from app.settings import load_settings
from bench.scorer import pairs_of

Row = dict[str, Any]


async def direct(pairs: Sequence[tuple[str, str]], threads: int, folder: Path) -> Row:
    """Score all pairs with a scorer of their own."""
    scorer = FastScorer(threads=threads, graph_folder=folder / "data" / "encoders")
    await scorer.check()
    await scorer.score(pairs_of((8, 30), 4, random.Random(1)))
    row = _Stopwatch(len(pairs))
    await scorer.score(pairs)
    found = row.stop()
    await scorer.close()
    return found


async def pipeline(
    host: str, pairs: Sequence[tuple[str, str]], threads: int, concurrency: int, folder: Path
) -> Row:
    """Ask for every candidate (the server echoes it), judged beside its reference."""
    file = folder / "questions.jsonl"
    lines = [json.dumps({"question_text": text, "original_answer": ref}) for text, ref in pairs]
    file.write_text("\n".join(lines))
    settings = load_settings(
        broker="log:",
        llm=f"ollama://{host}",
        llm_model="smol",
        llm_concurrency=concurrency,
        scorer_threads=threads,
        max_generations=1,
        data_dir=folder / "data",
        http_port=0,
        deadline_seconds=0.0,
        app_id=f"bench{random.randrange(10**8)}",
    )
    totals = Totals(file, None)
    async with local_engine(settings) as app:
        await app.context.ports.scorer.check()
        await app.context.ports.scorer.score(pairs_of((8, 30), 4, random.Random(1)))
        with BatchProgress(Console(file=sys.stderr, quiet=True), len(pairs)) as progress:
            batch = Batch(LocalAsker(app, settings), settings, totals, progress, fresh=False)
            row = _Stopwatch(len(pairs))
            await batch.run(file, Layout(), None)
            found = row.stop()
    judged = totals.counts["validated"] + totals.counts["low_quality"]
    if judged != len(pairs):
        raise RuntimeError(f"{judged} of {len(pairs)} were judged: {dict(totals.counts)}")
    return found


class _Stopwatch:
    def __init__(self, pairs: int) -> None:
        self._pairs = pairs
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> Row:
        seconds = time.perf_counter() - self._started
        return {
            "seconds": round(seconds, 2),
            "pairs_s": round(self._pairs / seconds, 2),
            "cpu_ms_each": round((time.process_time() - self._cpu) / self._pairs * 1e3, 1),
        }


def measure(arguments: argparse.Namespace, host: str) -> list[Row]:
    """Return a row for each number of threads."""
    low, high = arguments.words
    rows = []
    for threads in arguments.threads:
        texts = pairs_of((low, high), arguments.questions, random.Random(threads))
        asked = [(f"{n}: {text}", reference) for n, (text, reference) in enumerate(texts)]
        answered = [(echo(text), reference) for text, reference in asked]
        with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            before = run(direct(answered, threads, folder))
            through = run(pipeline(host, asked, threads, arguments.concurrency, folder))
            after = run(direct(answered, threads, folder))
        alone = (before["pairs_s"] + after["pairs_s"]) / 2
        rows.append(
            {
                "threads": threads,
                "words": f"{low}-{high}",
                "direct_before": before,
                "pipeline": through,
                "direct_after": after,
                "share": round(through["pairs_s"] / alone, 3),
            }
        )
        print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--words", type=int, nargs=2, default=[8, 150], metavar=("LEAST", "MOST"))
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--concurrency", type=int, default=32, help="model calls in flight")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "app.fake_llm", "--port", "0", "--latency", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        host = server.stdout.readline().strip().removeprefix("http://")
        rows = measure(arguments, host)
    finally:
        server.terminate()
        server.wait(10)
    if arguments.json:
        about = {"questions": arguments.questions, "cores": os.cpu_count()}
        print(json.dumps({**about, "rows": rows}, indent=2))
        return
    table = Table(title=f"{arguments.questions} pairs, {os.cpu_count()} cores: pairs/s (CPU ms)")
    columns = ("threads", "words", "direct, before", "pipeline", "direct, after", "share")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        figures = [row[name] for name in ("direct_before", "pipeline", "direct_after")]
        shown = [f"{each['pairs_s']} ({each['cpu_ms_each']})" for each in figures]
        table.add_row(str(row["threads"]), row["words"], *shown, f"{row['share']:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()

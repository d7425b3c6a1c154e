"""Measures `answerloop report` on many questions: seconds, peak memory, size of the page.

    python -m bench.quality_report [--questions 100000] [--json]

Synthetic questions (1.6 calls each) go into an embedded PostgreSQL by COPY, which is not measured.
Then the command reads them in a process of its own: the page alone; the page with CSV, JSONL and
JUnit beside it; the page of the JSONL file; the file compared with itself. Peak memory is that of
the command's process, without PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from app.adapters.store.postgres.migrate import migrate
from app.opening import Closer, database_dsn
from app.settings import load_settings

_WORDS = [
    "the",
    "a",
    "of",
    "water",
    "light",
    "river",
    "capital",
    "planet",
    "history",
    "number",
    "energy",
    "cell",
    "market",
    "energía",
    "agua",
    "ciudad",
    "año",
    "luz",
    "historia",
    "mercado",
    "animal",
    "theory",
    "engine",
]
_QUESTIONS = [
    "question_id",
    "status",
    "round",
    "generation",
    "attempt",
    "question_text",
    "original_answer",
    "model",
    "metadata",
    "accepted_at",
    "finished_at",
    "answer",
    "score_precision",
    "score_recall",
    "score_f1",
    "threshold",
    "scorer",
    "cause",
    "metric",
    "gate",
    "why",
]
_ATTEMPTS = [
    "question_id",
    "round",
    "generation",
    "attempt",
    "model",
    "owner",
    "lease_until",
    "started_at",
    "waited_seconds",
    "outcome",
    "seconds",
    "answer",
    "tokens",
    "verdict",
    "why",
    "score_precision",
    "score_recall",
    "score_f1",
    "threshold",
    "metric",
    "scorer",
    "claims",
    "prompt_tokens",
]


def rows(count: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Give questions with their attempts, in the order of the columns."""
    draw = random.Random(1)

    def text(words: int) -> str:
        return " ".join(draw.choices(_WORDS, k=words))

    for n in range(count):
        at = 1_760_000_000 + n / 50
        generations = draw.choice((1, 1, 1, 2, 3))
        attempts = []
        for generation in range(1, generations + 1):
            score = draw.gauss(0.55, 0.12)
            passed = generation == generations and (generations < 3 or draw.random() < 0.4)
            verdict = "validated" if passed else "low_quality"
            why = f"f1 {score:.3f} of 0.5"
            figures = (score, score, score)
            attempts.append(
                (
                    f"q{n:09}",
                    0,
                    generation,
                    1,
                    "llama3.1:8b",
                    "w",
                    0.0,
                    at,
                    0.0,
                    "answered",
                    draw.expovariate(0.4),
                    text(60),
                    80,
                    verdict,
                    why,
                    *figures,
                    0.5,
                    "f1",
                    "s:1",
                    1,
                    120,
                )
            )
        last = attempts[-1]
        metadata = json.dumps({"topic": f"topic {n % 12}", "row": n})
        question = (
            f"q{n:09}",
            last[13],
            0,
            generations,
            1,
            text(14),
            text(25),
            "llama3.1:8b",
            metadata,
            at,
            at + 20.0 * generations,
            last[11],
            *last[15:18],
            0.5,
            "s:1",
            None,
            "f1",
            "settings",
            last[14],
        )
        yield question, attempts


async def fill(folder: Path, count: int) -> None:
    """Make the database of a DATA_DIR, and put questions into it."""
    closers: list[Closer] = []
    try:
        settings = load_settings().model_copy(update={"data_dir": folder})
        dsn = await database_dsn(settings, closers)
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        questions, attempts = [], []
        for question, calls in rows(count):
            questions.append(question)
            attempts += calls
            if len(questions) == 5_000 or len(questions) == count:
                await _copy(connection, questions, attempts)
                questions, attempts = [], []
        await _copy(connection, questions, attempts)
        await connection.execute("ANALYZE")
        await connection.close()
    finally:
        for closer in reversed(closers):
            await closer()


async def _copy(connection: Any, questions: list[Any], attempts: list[Any]) -> None:
    if questions:
        await connection.copy_records_to_table("questions", records=questions, columns=_QUESTIONS)
        await connection.copy_records_to_table("attempts", records=attempts, columns=_ATTEMPTS)


def command(folder: Path, *arguments: str) -> dict[str, float]:
    """Run the command in a process of its own; return its seconds and peak memory."""
    environment = {**os.environ, "ANSWERLOOP_DATA_DIR": str(folder)}
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "bench.quality_report", "--child", *arguments],
        env=environment,
        capture_output=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(ended.stderr.decode())
    peak = float(ended.stderr.decode().splitlines()[-1])
    return {"seconds": round(time.monotonic() - started, 1), "peak_mib": round(peak, 1)}


def child(arguments: list[str]) -> None:
    from app.cli.main import main

    try:
        main(["report", *arguments])
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stderr.write(f"\n{peak}\n")


def measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        started = time.monotonic()
        asyncio.run(fill(folder / "data", count))
        found: dict[str, Any] = {"questions": count, "filled": time.monotonic() - started}
        page, results = str(folder / "r.html"), str(folder / "r.jsonl")
        beside = ("--csv", str(folder / "r.csv"), "--jsonl", results)
        beside += ("--junit", str(folder / "r.xml"))
        data = folder / "data"
        found["page"] = command(data, "--out", page)
        found["page_mib"] = round((folder / "r.html").stat().st_size / 2**20, 1)
        found["page and files"] = command(data, "--out", page, *beside)
        found["from results"] = command(data, "--from-results", results, "--out", page)
        found["compared"] = command(data, "--compare", results, results, "--out", page)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.questions)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['questions']:,} questions, page {found['page_mib']} MiB")
    for name, each in found.items():
        if isinstance(each, dict):
            print(f"{name:<16} {each['seconds']:>7} s {each['peak_mib']:>8} MiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    else:
        main()

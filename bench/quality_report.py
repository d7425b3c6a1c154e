"""Measures `answerloop report` on many questions: seconds, peak memory, size of the page.

    python -m bench.quality_report [--questions 20000] [--page-only] [--json]

Synthetic questions (1.6 calls each) go into an embedded PostgreSQL by COPY, which is not measured.
Then the command reads them in a process of its own: the page alone; the page with CSV, JSONL and
JUnit beside it; the page of the JSONL file; the file compared with itself. CPU seconds and peak
memory are those of the command's process, without PostgreSQL.
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

_WORDS = """
the a of water light river capital planet history number energy cell market energía agua ciudad año
luz historia mercado animal theory engine
"""
_QUESTIONS = """
question_id status round generation attempt question_text original_answer model metadata accepted_at
finished_at answer score_precision score_recall score_f1 threshold scorer cause metric gate why
"""
_ATTEMPTS = """
question_id round generation attempt model owner lease_until started_at waited_seconds outcome
seconds answer tokens verdict why score_precision score_recall score_f1 threshold metric scorer
claims prompt_tokens
"""
#: Different texts of each length: drawing every word anew takes longer than what is measured.
_TEXTS = 2_000
_PARTS = ("page", "page and files", "from results", "compared")


def rows(count: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Give questions with their attempts, in the order of the columns."""
    draw = random.Random(1)
    words = _WORDS.split()
    texts = {
        length: [" ".join(draw.choices(words, k=length)) for _ in range(_TEXTS)]
        for length in (14, 25, 60)
    }
    for n in range(count):
        at = 1_760_000_000 + n / 50
        generations = draw.choice((1, 1, 1, 2, 3))
        attempts: list[tuple[Any, ...]] = []
        for generation in range(1, generations + 1):
            score = draw.gauss(0.55, 0.12)
            passed = generation == generations and (generations < 3 or draw.random() < 0.4)
            verdict, why = "validated" if passed else "low_quality", f"f1 {score:.3f} of 0.5"
            call = (f"q{n:09}", 0, generation, 1, "llama3.1:8b", "w", 0.0, at, 0.0, "answered")
            answer = (draw.expovariate(0.4), draw.choice(texts[60]), 80, verdict, why)
            attempts.append((*call, *answer, score, score, score, 0.5, "f1", "s:1", 1, 120))
        last = attempts[-1]
        metadata = json.dumps({"topic": f"topic {n % 12}", "row": n})
        asked = (f"{draw.choice(texts[14])} {n}?", draw.choice(texts[25]), "llama3.1:8b", metadata)
        ended = (at, at + 20.0 * generations, last[11], *last[15:18])
        judged = (0.5, "s:1", None, "f1", "settings", last[14])
        yield (f"q{n:09}", last[13], 0, generations, 1, *asked, *ended, *judged), attempts


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
        await connection.copy_records_to_table(
            "questions", records=questions, columns=_QUESTIONS.split()
        )
        await connection.copy_records_to_table(
            "attempts", records=attempts, columns=_ATTEMPTS.split()
        )


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
    cpu, peak = map(float, ended.stderr.decode().splitlines()[-1].split())
    seconds = time.monotonic() - started
    return {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "peak_mib": round(peak, 1)}


def child(arguments: list[str]) -> None:
    from app.cli.main import main

    try:
        main(["report", *arguments])
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        sys.stderr.write(f"\n{used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}\n")


def measure(count: int, parts: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = folder / "data"
        asyncio.run(fill(data, count))
        page, results = str(folder / "r.html"), str(folder / "r.jsonl")
        beside = ("--csv", str(folder / "r.csv"), "--jsonl", results)
        beside += ("--junit", str(folder / "r.xml"))
        arguments = {
            "page": ("--out", page),
            "page and files": ("--out", page, *beside),
            "from results": ("--from-results", results, "--out", page),
            "compared": ("--compare", results, results, "--out", page),
        }
        found: dict[str, Any] = {"questions": count}
        for part in parts:
            found[part] = command(data, *arguments[part])
            found.setdefault("page_mib", round((folder / "r.html").stat().st_size / 2**20, 1))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page-only", action="store_true")
    options = parser.parse_args()
    found = measure(options.questions, list(_PARTS[: 1 if options.page_only else None]))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['questions']:,} questions, page {found['page_mib']} MiB")
    for name, each in found.items():
        if isinstance(each, dict):
            took = f"{each['seconds']:>7} s {each['cpu_seconds']:>7} s CPU"
            print(f"{name:<16} {took} {each['peak_mib']:>8} MiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    else:
        main()

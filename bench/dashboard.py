"""The dashboard over 100,000 questions: how long each view takes, and what it costs the pipeline.

    python -m bench.dashboard [--questions 100000] [--seconds 80] [--json]

An embedded PostgreSQL is filled by COPY, an engine runs on it, and a model server in a process of
its own answers at once. Each view is asked 40 times, by HTTP; the first one, just after the start,
is told apart. What open pages cost is measured by `bench.dashboard_cost`.
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
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import structlog

from app.adapters.store.postgres.migrate import migrate
from app.cli.engine import local_engine
from app.opening import database_dsn
from app.settings import Settings, load_settings
from bench.dashboard_cost import IN_FLIGHT, Cost, report_cost

ASKED = 40
_COLUMNS = (
    *("question_id", "status", "round", "generation", "attempt", "question_text"),
    *("original_answer", "model", "metadata", "accepted_at", "due_at", "finished_at", "answer"),
    *("score_precision", "score_recall", "score_f1", "threshold", "scorer", "cause", "metric"),
)
_CALL_COLUMNS = (
    *("question_id", "round", "generation", "attempt", "model", "owner", "lease_until"),
    *("started_at", "waited_seconds", "outcome", "seconds", "answer", "tokens", "verdict", "why"),
    *("score_precision", "score_recall", "score_f1", "threshold", "metric", "scorer"),
)
#: Why the answers of weak questions were rejected, one in turn.
_WHY = ("f1 0.400 < 0.500", "guard echo: the answer repeats the question", "f1 0.300 < 0.500")
#: State -> share of the questions.
_SHARES = {"validated": 88, "low_quality": 4, "unscored": 3, "dead": 1, "waiting": 4}
_TEXT = "Question number {n} of the archive: what is the capital of province {m}, and since when?"
_ANSWER = "The capital of province {m} is town {m}, and it has been so since the year {y}."


def rows(total: int, now: float) -> Iterator[tuple[Any, ...]]:
    """Yield questions as rows, the newest accepted a minute ago."""
    draw = random.Random(7)
    states = [state for state, share in _SHARES.items() for _ in range(share)]
    for n in range(total):
        status = draw.choice(states)
        accepted = now - 60.0 - (total - n)
        answer = _ANSWER.format(m=n % 977, y=1000 + n % 900)
        waits = status == "waiting"
        scored = status in ("validated", "low_quality")
        f1 = draw.random() if scored else None
        yield (
            *(f"{n:08x}-bench", status, 0, 1, 1, _TEXT.format(n=n, m=n % 977)),
            *(None if status == "unscored" else answer, "smol", "{}", accepted),
            *(now + draw.uniform(600, 900) if waits else None, None if waits else accepted + 20),
            None if status in ("dead", "waiting") else answer,
            *(f1, f1, f1, 0.5 if scored else None, "bench" if scored else None),
            draw.choice(("overloaded", "rate_limited")) if waits else None,
            "f1" if scored else None,
        )


def calls(questions: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield the ledger of these questions: a judged call of each that passed, three of the weak."""
    for row in questions:
        found = dict(zip(_COLUMNS, row, strict=True))
        if (score := found["score_f1"]) is None:
            continue
        weak = found["status"] == "low_quality"
        for generation in range(1, 4 if weak else 2):
            yield (
                *(found["question_id"], 0, generation, 1, "smol", "bench", 0.0),
                *(found["accepted_at"] + generation, 0.0, "answered", 1.0, found["answer"], 20),
                *(found["status"], _WHY[generation - 1] if weak else f"f1 {score:.3f} >= 0.500"),
                *(score, score, score, 0.5, "f1", "bench"),
            )


async def fill(settings: Settings, total: int) -> None:
    """Make the database, with its statistics."""
    closers: list[Callable[[], Awaitable[None]]] = []
    dsn = await database_dsn(settings, closers)
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    now = time.time()
    for table, records, columns in (
        ("questions", rows(total, now), _COLUMNS),
        ("attempts", calls(rows(total, now)), _CALL_COLUMNS),
    ):
        await connection.copy_records_to_table(table, records=records, columns=list(columns))
    await connection.execute("VACUUM ANALYZE")  # autovacuum does it within minutes
    await connection.close()
    for closer in reversed(closers):
        await closer()


async def views(url: str) -> dict[str, dict[str, float]]:
    """Return the milliseconds of each view: the first, median, p95 and longest of all."""
    paths = {
        "overview": "/ui/api/overview",
        "questions, newest": "/ui/api/questions",
        "questions, one state": "/ui/api/questions?status=low_quality",
        "questions, a frequent text": "/ui/api/questions?q=province",
        "questions, a text that is nowhere": "/ui/api/questions?q=nowhere",
        "one question": "/ui/api/questions/00000100-bench",
        "retries": "/ui/api/retries",
        "dead letters": "/dead-letters?counts=true",
        "quality, last day": "/ui/api/quality?range=day",
        "quality, all": "/ui/api/quality?range=all",
        "system": "/ui/api/system",
        "topics": "/ui/api/topics",
        "groups": "/ui/api/groups",
    }
    found = {}
    async with aiohttp.ClientSession() as session:
        for name, path in paths.items():
            taken = []
            for _ in range(ASKED):
                started = time.perf_counter()
                async with session.get(url + path) as response:
                    assert response.status == 200, await response.text()
                    await response.read()
                taken.append((time.perf_counter() - started) * 1000)
                await asyncio.sleep(0.03)
            cuts = statistics.quantiles(taken, n=20)
            found[name] = {
                "first": taken[0],
                "median": cuts[9],
                "p95": cuts[18],
                "longest": max(taken),
            }
    return found


async def measure(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    await fill(settings, options.questions)
    async with local_engine(settings) as app:
        url = str(app.boot_strategy.http.url)
        found = {"questions": options.questions, "milliseconds": await views(url)}
        if options.seconds:
            cost = Cost(app, settings, url, batch=options.batch, pages=options.pages)
            found["cost"] = await cost.measure(options.seconds)
        return found


def report(found: dict[str, Any]) -> None:
    print(f"| view over {found['questions']:,} questions | first | median | p95 | longest |")
    print("|---|---|---|---|---|")
    for name, row in found["milliseconds"].items():
        print(f"| {name} | " + " | ".join(f"{value:.1f} ms" for value in row.values()) + " |")
    if cost := found.get("cost"):
        print()
        report_cost(cost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=300, help="questions of each run")
    parser.add_argument("--pages", type=int, default=3, help="open dashboards")
    parser.add_argument(
        "--seconds", type=float, default=80, help="for pairs of runs; 0: only the views"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    command = [sys.executable, "-m", "app.fake_llm", "--port", "0", "--latency", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        host = server.stdout.readline().strip().removeprefix("http://")
        with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
            Path(name).chmod(0o755)  # the database server runs as another user
            settings = load_settings(
                llm=f"ollama://{host}",
                llm_model="smol",
                llm_concurrency=IN_FLIGHT,
                scorer="memory:",
                data_dir=Path(name) / "data",
                http_port=0,
                deadline_seconds=0.0,
            )
            found = asyncio.run(measure(options, settings))
    finally:
        server.terminate()
        server.wait(10)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        report(found)


if __name__ == "__main__":
    main()

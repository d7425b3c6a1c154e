"""The dashboard over 100,000 questions: how long each view takes, and what it costs the pipeline.

    python -m bench.dashboard [--questions 100000] [--runs 3] [--json]

An embedded PostgreSQL is filled by COPY, an engine runs on it, and a model server in a process of
its own answers. First each view is asked 40 times, by HTTP. Then batches of questions are answered
in turn with no dashboard and with three open ones: each listens to `/live` and reads the list of
questions every two seconds, as the page does, in a process of its own. Medians of `--runs` pairs:
of the throughput, which what else the machine does moves by more than a dashboard, and of the
processor time of engine and database for a question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg

from app.adapters.store.postgres.migrate import migrate
from app.cli.engine import LocalAsker, local_engine
from app.factory import PipelineApp
from app.intake import NewQuestion
from app.opening import database_dsn
from app.settings import Settings, load_settings

ASKED = 40
DASHBOARDS = 3
IN_FLIGHT = 64
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


class Run(NamedTuple):
    """Questions a second, and the processor time of one in milliseconds."""

    rate: float
    processor_ms: float


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
    """Return the milliseconds of each view: median, p95, longest. The first one counts."""
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
            found[name] = {"median": cuts[9], "p95": cuts[18], "longest": max(taken)}
    return found


def processor_seconds(settings: Settings) -> float:
    """Return what this process and the database server have used so far."""
    [file] = (settings.data_dir / "postgres").rglob("postmaster.pid")
    postmaster = int(file.read_text().split()[0])
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if folder.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))  # with those of its children that ended
        elif fields[1] == str(postmaster):
            ticks += sum(map(int, fields[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


async def batch(app: PipelineApp, settings: Settings, questions: int) -> Run:
    """Answer new questions; return how many a second, and the processor time of one."""
    asker = LocalAsker(app, settings)
    places = asyncio.Semaphore(IN_FLIGHT)
    tag = random.randrange(10**9)

    async def one(n: int) -> None:
        async with places:
            taken = await asker.submit(NewQuestion(f"Batch {tag}, question {n}?", None, {}))
            await asker.wait(taken["question_id"], 60)

    started, used = time.perf_counter(), processor_seconds(settings)
    await asyncio.gather(*(one(n) for n in range(questions)))
    seconds = time.perf_counter() - started
    return Run(questions / seconds, (processor_seconds(settings) - used) / questions * 1000)


async def look(url: str) -> None:
    """Be the dashboards, until the end of the process."""

    async def listen(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{url}/live") as response:
            async for _ in response.content:
                pass

    async def read(session: aiohttp.ClientSession) -> None:
        while True:
            async with session.get(f"{url}/ui/api/questions") as response:
                await response.read()
            await asyncio.sleep(2)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        await asyncio.gather(*(work(session) for work in (listen, read) for _ in range(DASHBOARDS)))


async def pairs(
    app: PipelineApp, settings: Settings, url: str, options: argparse.Namespace
) -> dict[str, Any]:
    """Return the throughput without and with dashboards."""
    await batch(app, settings, options.batch // 4)  # warm
    without: list[Run] = []
    with_: list[Run] = []
    for run in range(options.runs):
        order = (False, True) if run % 2 == 0 else (True, False)
        for open_ in order:
            looking = None
            if open_:
                command = (sys.executable, "-m", "bench.dashboard", "--look", url)
                looking = await asyncio.create_subprocess_exec(*command)
                await asyncio.sleep(4)
            (with_ if open_ else without).append(await batch(app, settings, options.batch))
            if looking is not None:
                looking.kill()
                await looking.wait()
    both = list(zip(with_, without, strict=True))
    return {
        "questions_per_second_without": statistics.median(each.rate for each in without),
        "questions_per_second_with": statistics.median(each.rate for each in with_),
        "throughput_lost": [1 - one.rate / other.rate for one, other in both],
        "processor_ms_without": statistics.median(each.processor_ms for each in without),
        "processor_ms_with": statistics.median(each.processor_ms for each in with_),
        "processor_added": [one.processor_ms / other.processor_ms - 1 for one, other in both],
    }


async def measure(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    await fill(settings, options.questions)
    async with local_engine(settings) as app:
        url = str(app.boot_strategy.http.url)
        found = {"questions": options.questions, "milliseconds": await views(url)}
        if options.runs:
            found["throughput"] = await pairs(app, settings, url, options)
        return found


def report(found: dict[str, Any]) -> None:
    print(f"| view over {found['questions']:,} questions | median | p95 | longest |")
    print("|---|---|---|---|")
    for name, row in found["milliseconds"].items():
        print(f"| {name} | " + " | ".join(f"{value:.1f} ms" for value in row.values()) + " |")
    if rates := found.get("throughput"):
        print(f"\n| of each pair of runs | without | with {DASHBOARDS} dashboards | difference |")
        print("|---|---|---|---|")
        for name, unit, key in (
            ("throughput", "questions_per_second", "throughput_lost"),
            ("processor ms a question", "processor_ms", "processor_added"),
        ):
            each = ", ".join(f"{value:+.1%}" for value in rates[key])
            print(
                f"| {name} | {rates[f'{unit}_without']:.1f} | {rates[f'{unit}_with']:.1f} "
                f"| {statistics.median(rates[key]):+.1%} ({each}) |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1000, help="questions of each run")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs; 0: only the views")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--look", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        asyncio.run(look(options.look))
        return
    command = [sys.executable, "-m", "app.fake_llm", "--port", "0", "--latency", "0.05"]
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

"""The whole pipeline beside the script that a user would write instead, on one fake model server.

    python -m bench.pipeline [--questions 1000] [--latency 0.2] [--concurrency 32] [--kafka]

The peer: asyncio, a semaphore, the `ollama` client, a retry decorator, a JSON line an answer.
Ours: `run` on the embedded log and PostgreSQL (fsync on), and with `--kafka` on a real broker. The
scorer is off (no references) and both sides ask the same server in a process of its own. Times run
from the first question to the last answer; starting up is not counted, on either side.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import ollama
from rich.console import Console
from rich.table import Table

from app.cli.batch import Batch, Totals
from app.cli.engine import LocalAsker, local_engine
from app.cli.progress import BatchProgress
from app.files import Layout
from app.loop import run
from app.settings import load_settings


def retried(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The decorator everybody writes: five tries, exponential pauses."""

    @functools.wraps(call)
    async def again(*arguments: Any) -> Any:
        for attempt in range(5):
            try:
                return await call(*arguments)
            except (ollama.ResponseError, ConnectionError):
                if attempt == 4:
                    raise
                await asyncio.sleep(0.5 * 2**attempt + random.random() / 10)
        raise AssertionError("unreachable")

    return again


async def script(host: str, questions: list[str], concurrency: int, out: Path) -> float:
    """The peer; returns its seconds."""
    client = ollama.AsyncClient(host=host)
    semaphore = asyncio.Semaphore(concurrency)

    @retried
    async def ask(text: str) -> str:
        reply = await client.chat(model="smol", messages=[{"role": "user", "content": text}])
        return str(reply["message"]["content"])

    with out.open("w", encoding="utf-8") as results:

        async def one(text: str) -> None:
            async with semaphore:
                answer = await ask(text)
            results.write(json.dumps({"question": text, "answer": answer}) + "\n")

        started = time.perf_counter()
        await asyncio.gather(*(one(text) for text in questions))
        return time.perf_counter() - started


async def pipeline(
    host: str, questions: list[str], concurrency: int, folder: Path, broker: str
) -> float:
    """Ours; returns the seconds of `run`, the engine being up."""
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps({"question_text": q}) + "\n" for q in questions))
    settings = load_settings(
        broker=broker,
        llm=f"ollama://{host}",
        llm_model="smol",
        llm_concurrency=concurrency,
        scorer="memory:",
        data_dir=folder / "data",
        http_port=0,
        deadline_seconds=0.0,
        app_id=f"bench{random.randrange(10**8)}",
        topic_prefix=f"bench{random.randrange(10**8)}.",
    )
    totals = Totals(file, None)
    async with local_engine(settings) as app:
        with BatchProgress(Console(file=sys.stderr, quiet=True), len(questions)) as progress:
            batch = Batch(LocalAsker(app, settings), settings, totals, progress, fresh=False)
            started = time.perf_counter()
            await batch.run(file, Layout(), None)
            seconds = time.perf_counter() - started
    assert totals.counts["unscored"] == len(questions), totals.counts
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds; 0 is instant")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--kafka", action="store_true", help="also on a real broker (needs Java)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "app.fake_llm", "--port", "0", "--latency", str(arguments.latency)],
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
    report(arguments, rows)


def measure(arguments: argparse.Namespace, host: str) -> dict[str, float]:
    """Run every contestant once; return seconds by name."""
    questions = [f"Question number {n}: what is it?" for n in range(arguments.questions)]
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        common = (host, questions, arguments.concurrency)
        rows["script"] = run(script(*common, folder / "script.jsonl"))
        (folder / "embedded").mkdir()
        rows["embedded"] = run(pipeline(*common, folder / "embedded", "log:"))
        if arguments.kafka:
            from tests.servers.kafka import start_kafka

            broker = start_kafka(folder / "broker")
            try:
                (folder / "kafka").mkdir()
                rows["kafka"] = run(
                    pipeline(*common, folder / "kafka", f"kafka://{broker.bootstrap}")
                )
            finally:
                broker.stop()
    return rows


def report(arguments: argparse.Namespace, rows: dict[str, float]) -> None:
    """Print the figures as a table, or as JSON."""
    figures = {
        name: {
            "seconds": round(seconds, 3),
            "questions_per_second": round(arguments.questions / seconds, 1),
            "ratio_to_script": round(seconds / rows["script"], 3),
        }
        for name, seconds in rows.items()
    }
    if arguments.json:
        about = {
            "questions": arguments.questions,
            "latency_seconds": arguments.latency,
            "concurrency": arguments.concurrency,
            "python": platform.python_version(),
        }
        sys.stdout.write(json.dumps({**about, "results": figures}, indent=2) + "\n")
        return
    table = Table(
        title=f"{arguments.questions} questions, model {arguments.latency} s, "
        f"{arguments.concurrency} in flight"
    )
    for column in ("who", "seconds", "questions/s", "ratio to script"):
        table.add_column(column, justify="right")
    for name, row in figures.items():
        table.add_row(name, *(str(value) for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()

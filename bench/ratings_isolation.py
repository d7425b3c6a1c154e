"""Do the ratings go on while the questions' workers rebalance with long model calls in flight?

Two groups on one broker: a ratings worker under a steady stream, and a question worker whose model
takes 20 s for each answer. A second question worker joins and leaves. The figures are ratings that
the ratings worker applied, second by second: before, during (from the start of the second worker
until the first one is alone and ready again) and after.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from app.chaos.cluster import Cluster, Worker, worker_environment
from app.chaos.servers.postgres import start_postgres
from tests.servers.kafka import start_kafka

RATE = 3_000
QUIET_SECONDS = 12.0
JOINED_SECONDS = 12.0
MODEL_SECONDS = 20.0
QUESTIONS = 8
STEP_SECONDS = 1.0
err = Console(stderr=True)


@dataclass
class Watch:
    """Reads the counter of applied ratings each second; `phase` is what goes on meanwhile."""

    url: str
    phase: str = "before"
    steps: list[tuple[str, float]] = field(default_factory=list)

    async def run(self) -> None:
        last, at = await self._counted(), time.perf_counter()
        while True:
            phase = self.phase
            await asyncio.sleep(STEP_SECONDS)
            count, now = await self._counted(), time.perf_counter()
            self.steps.append((phase, (count - last) / (now - at)))
            last, at = count, now

    async def _counted(self) -> int:
        return int((await asked(self.url + "/metrics"))["ratings_valid"])

    def figures(self) -> dict[str, dict[str, float]]:
        found = {}
        for phase in dict.fromkeys(phase for phase, _ in self.steps):
            speeds = [speed for each, speed in self.steps if each == phase]
            found[phase] = {
                "seconds": len(speeds),
                "per_second": round(statistics.fmean(speeds)),
                "slowest_second": round(min(speeds)),
                "seconds_without": sum(speed == 0 for speed in speeds),
            }
        return found


async def asked(url: str) -> dict[str, Any]:
    async with aiohttp.request("GET", url) as response:
        found: dict[str, Any] = await response.json()
        return found


async def ask_questions(worker: Worker) -> None:
    for n in range(QUESTIONS):
        body = {"question_text": f"Question {n} of {time.time_ns()}: what is it?"}
        async with aiohttp.request("POST", worker.url + "/query", json=body) as response:
            response.raise_for_status()


async def in_flight(model: str, calls: int) -> None:
    """Wait until the model works on so many calls."""
    deadline = time.monotonic() + 30
    while (await asked(model + "/_fake/stats")).get("in_flight", 0) < calls:
        if time.monotonic() > deadline:
            raise TimeoutError("no call of the model is in flight")
        await asyncio.sleep(0.1)


async def play(cluster: Cluster, model: str, produce: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Play the three phases; return what was seen."""
    ratings = await cluster.ready(cluster.start_worker(PIPELINES="ratings"))
    first = await cluster.ready(cluster.start_worker(PIPELINES="questions"))
    watch = Watch(ratings.url)
    while (await asked(ratings.url + "/metrics"))["ratings_valid"] == 0:
        await asyncio.sleep(0.2)
    await asyncio.sleep(5)  # what was sent before the worker was ready is behind us
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(QUIET_SECONDS)
    await ask_questions(first)
    await in_flight(model, 1)
    watch.phase = "during"
    err.print("a second question worker joins, with calls in flight")
    began = time.perf_counter()
    second = await cluster.ready(cluster.start_worker(PIPELINES="questions"))
    await asyncio.sleep(JOINED_SECONDS)
    err.print("it leaves")
    await asyncio.to_thread(second.stop, 60)
    await cluster.ready(first)
    rebalancing = time.perf_counter() - began
    watch.phase = "after"
    await asyncio.sleep(QUIET_SECONDS)
    task.cancel()
    assert produce.poll() is None, "the stream of ratings ended before the measurement"
    return {"rate": RATE, "during_seconds": round(rebalancing, 1), "phases": watch.figures()}


def main(*, as_json: bool) -> None:
    """Run once and print."""
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as path:
        folder = Path(path)
        folder.chmod(0o755)
        kafka, postgres = start_kafka(folder / "kafka"), start_postgres(folder / "postgres")
        model = subprocess.Popen(
            [*_COMMAND, "fake-llm", "--port", "0", "--latency", str(MODEL_SECONDS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert model.stdout is not None
        url = model.stdout.readline().strip()
        settings = {
            "BROKER": f"kafka://{kafka.bootstrap}",
            "DATABASE": postgres.dsn,
            "LLM": "ollama://" + url.removeprefix("http://"),
            "LLM_MODEL": "smol",
            "SCORER": "memory:",
        }
        cluster = Cluster(folder, settings)
        environment = worker_environment({**settings, "DATA_DIR": str(folder / "data-produce")})
        subprocess.run(
            [*_COMMAND, "topics", "create"], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        produce = subprocess.Popen(
            [*_COMMAND, "ratings", "produce", "--rate", f"{RATE}/s", "--count", str(RATE * 600)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            found = asyncio.run(play(cluster, url, produce))
        finally:
            cluster.close()
            for process in (produce, model):
                process.kill()
                process.wait(10)
            postgres.close()
            kafka.stop()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table(title=f"{RATE:,} ratings a second arrive, model calls take {MODEL_SECONDS:.0f} s")
    for column in ("questions", "seconds", "ratings/s", "slowest second", "seconds without any"):
        table.add_column(column, justify="right")
    for phase, row in found["phases"].items():
        table.add_row(phase, *(f"{value:,}" for value in row.values()))
    Console().print(table)


_COMMAND = (sys.executable, "-m", "app.cli.main")

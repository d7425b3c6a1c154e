"""The score server: batches across requests beside one pair at a time, and beside no server at all.

    python -m bench.score_server [--json] [--clients 32] [--seconds 6] [--rounds 3] [--threads 1]

Clients in this process each send one pair after the other, without a pause, to a server in a
process of its own: one that batches across requests (`--max-batch 64`), and the same one that does
not (`--max-batch 1`). `direct` is as many callers of the scorer in this process, without HTTP;
`alone` is a single client of the batching server: what a pair costs when there is nobody else.
Every pair is new to the scorer. They take turns; medians of the rounds. `server cpu ms` is what a
pair costs the server's process. Ends in two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from app.adapters.scorer.fast import FastScorer
from bench.scorer import pairs_of

Pair = tuple[str, str]
ScoreOne = Callable[[Pair], Awaitable[object]]
_WORDS = (8, 30)
_READY_SECONDS = 90.0


@dataclass(frozen=True)
class Server:
    """A score server in a process of its own."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """Callers that score new pairs, one after the other."""

    def __init__(self) -> None:
        self._draw = random.Random(7)

    async def run(self, score: ScoreOne, clients: int, seconds: float) -> dict[str, float]:
        """Return pairs/s and the median and 95th percentile of a call's milliseconds."""
        took: list[float] = []
        began = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() - began < seconds:
                [pair] = pairs_of(_WORDS, 1, self._draw)
                start = time.perf_counter()
                await score(pair)
                took.append(time.perf_counter() - start)

        await asyncio.gather(*(client() for _ in range(clients)))
        cuts = statistics.quantiles(took, n=20)
        return {
            "pairs": len(took),
            "pairs_s": len(took) / (time.perf_counter() - began),
            "p50_ms": 1000 * statistics.median(took),
            "p95_ms": 1000 * cuts[18],
        }


@asynccontextmanager
async def server(data: Path, threads: int, max_batch: int) -> AsyncIterator[Server]:
    """Run a score server of the bundled model; give it once it is ready."""
    command = [sys.executable, "-m", "app.cli.main", "score-server", "--port", "0"]
    command += ["--threads", str(threads), "--max-batch", str(max_batch)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"ANSWERLOOP_DATA_DIR": str(data), "PATH": "/usr/bin:/bin"},
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        await _ready(url)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(_READY_SECONDS):
        while True:
            async with session.get(f"{url}/readyz") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.2)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[ScoreOne]:
    """Give a call that posts one pair."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def score(pair: Pair) -> None:
            body = {"candidate": pair[0], "reference": pair[1]}
            async with session.post(f"{url}/score", json=body) as response:
                if response.status != 200:
                    raise RuntimeError(f"HTTP {response.status}: {await response.text()}")
                await response.read()

        yield score


async def _figures(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        found: dict[str, Any] = await response.json()
        return found


async def measure(clients: int, seconds: float, rounds: int, threads: int) -> dict[str, Any]:
    """Measure the four ways in turn and return medians."""
    load, batches = Load(), list[float]()
    ways: dict[str, list[dict[str, float]]] = {
        name: [] for name in ("batched", "batch_of_1", "direct", "alone")
    }
    with tempfile.TemporaryDirectory(prefix="bench-score-server-") as folder:
        data = Path(folder)
        direct = FastScorer(threads=threads, graph_folder=data / "encoders")
        await direct.check()
        async with (
            server(data, threads, 64) as batching,
            server(data, threads, 1) as not_batching,
            client_of(batching.url) as batched,
            client_of(not_batching.url) as single,
        ):
            for each in (batched, single):
                await load.run(each, clients, 0.5)
            for _ in range(rounds):
                before = await _figures(batching.url)
                ways["batched"].append(await _of_server(load, batching, batched, clients, seconds))
                batches.append(_mean_batch(before, await _figures(batching.url)))
                ways["batch_of_1"].append(
                    await _of_server(load, not_batching, single, clients, seconds)
                )
                ways["direct"].append(
                    await load.run(lambda pair: direct.score([pair]), clients, seconds)
                )
                ways["alone"].append(await load.run(batched, 1, min(seconds, 2.0)))
        await direct.close()
    return {
        "clients": clients,
        "threads": threads,
        "ways": {name: _medians(each) for name, each in ways.items()},
        "ratio_to_batch_of_1": _ratio(ways["batched"], ways["batch_of_1"]),
        "ratio_to_direct": _ratio(ways["batched"], ways["direct"]),
        "batch_pairs": round(statistics.median(batches), 1),
    }


async def _of_server(
    load: Load, server: Server, score: ScoreOne, clients: int, seconds: float
) -> dict[str, float]:
    before = server.cpu_seconds()
    found = await load.run(score, clients, seconds)
    return {**found, "server_cpu_ms": 1000 * (server.cpu_seconds() - before) / found["pairs"]}


def _mean_batch(before: dict[str, Any], after: dict[str, Any]) -> float:
    pairs, batches = (after[n] - before[n] for n in ("score_pairs", "score_batches"))
    return float(pairs / batches)


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(r[name] for r in rounds), 1) for name in rounds[0]}


def _ratio(some: list[dict[str, float]], others: list[dict[str, float]]) -> float:
    """Return the median of the ratios of the same round."""
    pairs = zip(some, others, strict=True)
    return round(statistics.median(a["pairs_s"] / b["pairs_s"] for a, b in pairs), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    found = asyncio.run(
        measure(arguments.clients, arguments.seconds, arguments.rounds, arguments.threads)
    )
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['clients']} clients, {found['threads']} scorer thread(s)")
    print(f"{'':<12}{'pairs/s':>9}{'p50 ms':>9}{'p95 ms':>9}{'server cpu ms':>15}")
    for name, row in found["ways"].items():
        cpu = row.get("server_cpu_ms", "")
        print(f"{name:<12}{row['pairs_s']:>9}{row['p50_ms']:>9}{row['p95_ms']:>9}{cpu:>15}")
    print(
        f"batched: {found['ratio_to_batch_of_1']} x a batch of 1, {found['ratio_to_direct']} x "
        f"direct; {found['batch_pairs']} pairs in a batch"
    )


if __name__ == "__main__":
    main()

"""The HTTP API beside a plain web service that does the same without a log, in one run.

    python -m bench.api [--rate 50] [--seconds 20] [--clients 16] [--json]

Model and scorer answer at once. Ours: `answerloop worker` (embedded log and PostgreSQL), asked with
`?wait=`: the reply comes when the row is stored. The peer, a process of its own as well: aiohttp, a
call of the same model server, one INSERT into a PostgreSQL of the same kind, the reply; it stores
nothing before that and repeats nothing. fsync is on in all (log: WAL, synchronous=FULL; PostgreSQL:
fsync and synchronous_commit on). First `--rate` questions a second, each posted when it is due, its
time counted from then; then as many as `--clients` post without waiting for answers (peer: without
a call): accepted is what is on disk; and one client that sends a hundred in a request (ours). Each
question is a new one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from app.loop import run
from bench.loop_watch import percentile
from bench.worker_environment import environment

_READY_SECONDS = 120.0
_WARM_SECONDS = 2.0
#: Questions in a request of `POST /questions`.
_BATCH = 100


@asynccontextmanager
async def server(command: list[str], url: str, variables: dict[str, str]) -> AsyncIterator[None]:
    """Run a server in a process of its own; give it once it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=sys.stderr, env=variables
    )
    try:
        await ready(url, process)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)


async def ready(url: str, process: asyncio.subprocess.Process, path: str = "/readyz") -> None:
    """Return once the server says that it is ready. Raises RuntimeError when it has ended."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(_READY_SECONDS):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"the server ended with {process.returncode}")
            try:
                async with session.get(url + path) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.02)


async def at_rate(url: str, rate: float, seconds: float) -> list[float]:
    """Post so many questions a second; return the seconds from due to the stored row's reply."""
    took: list[float] = []

    async def one(session: aiohttp.ClientSession, due: float) -> None:
        await asyncio.sleep(due - time.perf_counter())
        found = await post(session, f"{url}/query?wait=60", 200)
        if found.get("answer") is None:
            raise RuntimeError(f"no answer within 60 s: {found}")
        took.append(time.perf_counter() - due)

    async with _session() as session:
        began = time.perf_counter() + 0.1
        dues = (began + n / rate for n in range(int(rate * seconds)))
        await asyncio.gather(*(one(session, due) for due in dues))
    return took


async def as_fast(url: str, clients: int, seconds: float, batch: int = 0) -> float:
    """Return how many questions a second so many clients get accepted, `batch` in a request."""
    count, began = 0, time.perf_counter()

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() - began < seconds:
            if batch:
                several = {"questions": [_question() for _ in range(batch)]}
                await send(session, f"{url}/questions", several, 202)
            else:
                await post(session, f"{url}/query", 202)
            count += batch or 1

    async with _session() as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return count / (time.perf_counter() - began)


async def post(session: aiohttp.ClientSession, url: str, expected: int) -> dict[str, Any]:
    """Post a new question. Raises RuntimeError with another status than the expected one."""
    return await send(session, url, _question(), expected)


async def send(session: aiohttp.ClientSession, url: str, body: Any, expected: int) -> Any:
    async with session.post(url, json=body) as response:
        if response.status != expected:
            raise RuntimeError(f"HTTP {response.status}: {(await response.text())[:300]}")
        return await response.json()


def _question() -> dict[str, str]:
    return {"question_text": f"What is {uuid4().hex}?", "original_answer": "An answer"}


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def fake_model() -> AsyncIterator[str]:
    """Run a model server that answers at once; give its HOST:PORT."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.fake_llm", "--port", "0", "--latency", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip().removeprefix("http://")
    finally:
        process.terminate()
        await process.wait()


async def measure(folder: Path, rate: float, seconds: float, clients: int) -> dict[str, Any]:
    """Measure both, one after the other, each with nothing else running."""
    found: dict[str, Any] = {"rate": rate, "seconds": seconds, "clients": clients}
    for side in ("ours", "peer"):
        async with fake_model() as model:
            port = free_port()
            parts = {"llm": f"ollama://{model}", "scorer": "memory:", "max_generations": "1"}
            variables = environment(folder / side, port, **parts)
            url = f"http://127.0.0.1:{port}"
            module = "app.cli.main worker" if side == "ours" else f"bench.api_peer {model}"
            async with server(["-m", *module.split()], url, variables):
                print(f"measuring {side} ...", file=sys.stderr)
                await at_rate(url, rate, _WARM_SECONDS)
                took = await at_rate(url, rate, seconds)
                accepted = await as_fast(url, clients, seconds / 2)
                if side == "ours":
                    found["batched_s"] = round(await as_fast(url, 1, seconds / 4, _BATCH), 1)
            found[side] = {
                "questions": len(took),
                "p50_ms": round(percentile(took, 0.5) * 1e3, 1),
                "p99_ms": round(percentile(took, 0.99) * 1e3, 1),
                "most_ms": round(max(took) * 1e3, 1),
                "accepted_s": round(accepted, 1),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=50.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
        Path(name).chmod(0o755)
        found = run(measure(Path(name), options.rate, options.seconds, options.clients))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{options.rate:g} questions/s{'answerloop':>20}{'plain service':>18}")
    for name in found["ours"]:
        print(f"{name:16}{found['ours'][name]:>20}{found['peer'][name]:>18}")
    print(f"accepted by one client, {_BATCH} in a request: {found['batched_s']} questions/s")


if __name__ == "__main__":
    main()

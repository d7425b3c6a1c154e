"""What one core sends: the load generator beside a plain loop of aiohttp, against the same server.

    python -m bench.load [--json] [--seconds 4] [--rounds 3]

The server is a process of its own that answers every request with the same 202 and does nothing
else. The peer is what one would write instead: tasks that post one body after the other as fast as
they can, without schedule, latencies, questions of their own or a look at the answers. The
generator makes and sends as many as the peer did, all due at once and as many on their way at a
time, for the processor time of a request: the figure to compare on a busy machine, `a second and
core` is its inverse. Then it sends at rates that go up until it can't keep one (p99 of its own lag
over 50 ms, or requests not sent). Medians of the rounds, in turn. Ends within two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from app.load.arrivals import constant, due_times, until
from app.load.findings import MOST_LAG_SECONDS
from app.load.generator import Generator
from app.load.outcome import Outcome
from app.load.questions import Questions, Request, from_file
from app.load.results import Results
from app.load.target import HttpTarget, http_target
from app.loop import run as run_loop
from app.samples import samples_path

TASKS = 32
RATES = (250, 500, 750, 1000, 1500, 2000, 3000, 4000)
_BODY = b'{"question_id": "a852525a-fa24-564a-8061-04fa2fb83426", "status": "accepted"}'
_ANSWER = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_BODY), _BODY)


class Answering(asyncio.Protocol):
    """Answers each whole request on a connection."""

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            _, _, rest = head.partition(b"content-length:")
            size = int(rest.split(b"\r\n", 1)[0]) if rest else 0
            if len(self._held) < end + 4 + size:
                return
            self._held = self._held[end + 4 + size :]
            self._transport.write(_ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served() -> Iterator[str]:
    """Give the address of a server in a process of its own."""
    command = [sys.executable, "-m", "bench.load", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


async def plain(url: str, seconds: float) -> dict[str, float]:
    """Post as fast as it goes, by plain aiohttp."""
    body = b'{"question_text": "What is the capital of France?", "original_answer": "Paris."}'
    count, end = 0, time.perf_counter() + seconds

    async def one(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < end:
            async with session.post(f"{url}/query", data=body) as response:
                await response.read()
            count += 1

    cpu, began = time.process_time(), time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session) for _ in range(TASKS)))
    return _figures(count, time.perf_counter() - began, time.process_time() - cpu)


class Limited:
    """A target that has at most TASKS requests on their way."""

    def __init__(self, target: HttpTarget) -> None:
        self._target, self._turn = target, asyncio.Semaphore(TASKS)

    async def send(self, n: int, request: Request) -> Outcome:
        async with self._turn:
            return await self._target.send(n, request)


async def at_once(url: str, count: int) -> dict[str, float]:
    """Send so many questions as fast as it goes, with all that a run does for each."""
    results = Results()
    async with http_target([url], "/query", token=None, timeout_seconds=60.0) as target:
        generator = Generator(_questions(), Limited(target), results, most_in_flight=count)
        cpu, began = time.process_time(), time.perf_counter()
        await generator.run(iter([0.0] * count), asyncio.Event())
        assert results.accepted == count
        return _figures(count, time.perf_counter() - began, time.process_time() - cpu)


async def keeps(url: str, rate: float, seconds: float) -> bool:
    """Tell whether a rate is kept, by `answerloop load --no-follow`."""
    results = Results()
    async with http_target([url], "/query", token=None, timeout_seconds=30.0) as target:
        generator = Generator(_questions(), target, results, most_in_flight=500)
        await generator.run(until(due_times(constant(rate)), seconds, None), asyncio.Event())
    lag = results.lag_seconds.quantile(0.99) or 0.0
    return lag <= MOST_LAG_SECONDS and results.accepted == results.due


def _questions() -> Questions:
    source, _, _ = from_file(samples_path())
    return Questions("bench", source, 1, repeats=0.2)


def _figures(count: int, seconds: float, cpu_seconds: float) -> dict[str, float]:
    return {
        "count": count,
        "per_second": count / seconds,
        "cpu_ms": cpu_seconds * 1000 / max(1, count),
        "per_core_second": count / max(cpu_seconds, 1e-9),
    }


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    plains, owns, kept = [], [], []
    with served() as url:
        run_loop(plain(url, 1.0))  # imports, connections, the processor's clock
        for _ in range(rounds):
            plains.append(run_loop(plain(url, seconds)))
            owns.append(run_loop(at_once(url, int(plains[-1]["count"]))))
            rates = (rate for rate in RATES if not run_loop(keeps(url, rate, seconds / 2)))
            first_lost = next(rates, None)
            best = RATES if first_lost is None else [each for each in RATES if each < first_lost]
            kept.append(best[-1] if best else 0)
    peer, own = (
        statistics.median(each["cpu_ms"] for each in figures) for figures in (plains, owns)
    )
    return {
        "plain_per_second": round(statistics.median(each["per_second"] for each in plains)),
        "plain_cpu_ms": round(peer, 3),
        "load_per_second": round(statistics.median(each["per_second"] for each in owns)),
        "load_kept_per_second": round(statistics.median(kept)),
        "load_cpu_ms": round(own, 3),
        "load_per_core_second": round(1000 / own),
        "plain_per_core_second": round(1000 / peer),
        "share_of_plain": round(peer / own, 2),
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
        return
    found = measure(given.seconds, given.rounds)
    if given.json:
        print(json.dumps(found))
        return
    print(f"{'':24}{'plain aiohttp':>16}{'answerloop load':>18}")
    for name, peer, own in (
        ("processor ms a request", "plain_cpu_ms", "load_cpu_ms"),
        ("a second and core", "plain_per_core_second", "load_per_core_second"),
        ("a second here", "plain_per_second", "load_per_second"),
    ):
        print(f"{name:24}{found[peer]:>16}{found[own]:>18}")
    print(f"highest rate that was kept: {found['load_kept_per_second']} a second")
    print(f"share of the plain loop's: {found['share_of_plain']}")


if __name__ == "__main__":
    main()

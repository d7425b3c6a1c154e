"""H2: bodies and slow connections are bounded; others notice nothing."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from app.chaos.cluster import Worker, is_ready, worker_environment
from app.chaos.processes import free_ports, spawn
from app.fake_llm import FakeModelServer
from app.web.connections import BODY_SECONDS, HEAD_SECONDS, MAX_CONNECTIONS
from tests.integration.cluster import until
from tests.web.client import serving

SLOW = 250
PROBES = 300


@pytest.fixture
async def model_server() -> AsyncIterator[FakeModelServer]:
    server = FakeModelServer(answer=lambda question: "An answer")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def worker(tmp_path: Path, model_server: FakeModelServer) -> AsyncIterator[Worker]:
    """A worker with everything in memory but its model."""
    [port] = free_ports(1)
    settings = {
        "BROKER": "memory:",
        "DATABASE": "memory:",
        "SCORER": "memory:",
        "LLM": f"ollama://{model_server.host}",
        "LLM_MODEL": "smol",
        "HTTP_PORT": str(port),
        "DATA_DIR": str(tmp_path / "data"),
    }
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "app.cli.main", "worker"]
    process = spawn(command, log, environment=worker_environment(settings))
    worker = Worker(process, f"http://127.0.0.1:{port}", log)
    try:

        async def ready() -> bool:
            assert worker.alive, worker.log.read_text()[-3000:]
            return await is_ready(worker)

        await until(ready, 60)
        yield worker
    finally:
        worker.kill()


@pytest.mark.alone
async def test_h2_five_hundred_slow_connections_slow_nobody_down(worker: Worker) -> None:
    port = worker.url.rpartition(":")[2]
    longest = HEAD_SECONDS + 5
    slow = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.reliability.slow_clients", port, str(SLOW), str(SLOW), str(longest)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert slow.stdout is not None
        async with asyncio.timeout(30):
            assert await slow.stdout.readline() == b"open\n"
        seconds = await probe(worker)
        async with asyncio.timeout(longest + 30):
            told = json.loads(await slow.stdout.read())
            await slow.wait()
    finally:
        if slow.returncode is None:
            slow.kill()
            await slow.wait()
    p99 = sorted(seconds)[int(0.99 * len(seconds))]
    assert p99 < 0.2, f"p99 {p99:.3f} s"
    assert told["bodies"]["ended"] == SLOW
    assert told["bodies"]["longest"] < BODY_SECONDS + 8
    assert told["heads"]["ended"] == SLOW
    assert told["heads"]["longest"] < HEAD_SECONDS + 5


async def probe(worker: Worker) -> list[float]:
    """Return how long ordinary requests take, one after the other, each third a question."""
    seconds = []
    async with aiohttp.ClientSession(worker.url) as session:
        for number in range(PROBES):
            began = time.monotonic()
            if number % 3:
                async with session.get("/livez") as response:
                    assert response.status == 200
            else:
                body = {"question_text": f"Question {number}?"}
                async with session.post("/query", json=body) as response:
                    assert response.status == 202
            seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.01)
    return seconds


async def test_h2_too_many_connections_are_turned_away_and_come_back(worker: Worker) -> None:
    port = int(worker.url.rpartition(":")[2])
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        reply = await reader.read()
    writer.close()
    for _, each in idle:
        each.close()
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in reply
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_many_connections"
    await until(lambda: is_ready(worker), 10)


async def test_h2_a_body_of_64_kib_and_one_byte_is_refused() -> None:
    head, tail = b'{"question_text": "', b'"}'
    async with serving() as api:
        fits = head + b"a" * 20_000 + tail + b" " * (65_536 - 20_000 - len(head + tail))
        assert len(fits) == 65_536
        assert (await api.raw(fits))[0] == 202
        status, body = await api.raw(fits + b" ")
        assert (status, body["error"]["code"]) == (413, "too_large")

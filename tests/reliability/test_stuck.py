"""B2: a worker that makes no progress says so, names where, and ends within 90 s."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from app.chaos.cluster import Worker, worker_environment
from app.chaos.processes import free_ports, spawn
from app.core import progress
from app.fake_llm import FakeModelServer
from tests.integration.cluster import post, until
from tests.servers.kafka import KafkaServer

START_SECONDS = 60.0
WORDS = {
    "hang": "llm-responses-success",
    "no_fetch": "nothing is fetched",
    "stop_hangs": "llm-responses-success",
    "never_joins": progress.REBALANCING,
}


@dataclass
class Stalled:
    """A worker that stands still, and what was seen of it."""

    worker: Worker
    seconds: float
    red: str | None = None
    exit_code: int | None = None
    ended_after: float = 0.0


@pytest.fixture
async def model_server() -> AsyncIterator[FakeModelServer]:
    server = FakeModelServer(answer=lambda question: "An answer")
    await server.start()
    yield server
    await server.stop()


async def stall(
    fault: str, folder: Path, model: FakeModelServer, seconds: float, **settings: str
) -> Stalled:
    """Start a worker, see it work, let it stand still, and watch until it has ended."""
    [port] = free_ports(1)
    trigger, log = folder.with_suffix(".trigger"), folder.with_suffix(".log")
    environment = worker_environment(
        {
            "BROKER": "log:",
            "DATABASE": "memory:",
            "LLM": f"ollama://{model.host}",
            "LLM_MODEL": "smol",
            "SCORER": "memory:",
            "STUCK_SECONDS": f"{seconds:g}",
            "HTTP_PORT": str(port),
            "DATA_DIR": str(folder / "data"),
            **settings,
        }
    )
    command = [sys.executable, "-m", "tests.reliability.stuck_worker", fault, str(trigger)]
    process = spawn(command, log, environment=environment)
    seen = Stalled(Worker(process, f"http://127.0.0.1:{port}", log), seconds)
    try:
        await _watched(seen, trigger)
    finally:
        seen.worker.kill()
    return seen


async def _watched(seen: Stalled, trigger: Path) -> None:
    worker = seen.worker

    async def ready() -> bool:
        assert worker.alive, worker.log.read_text()[-3000:]
        return (await _readyz(worker))[0] == 200

    await until(ready, START_SECONDS)
    first = await post(worker, "Before?")
    await until(lambda: _is_final(worker, first), 30)
    await asyncio.to_thread(trigger.touch)
    began = time.monotonic()
    await asyncio.gather(*(post(worker, f"After {n}?") for n in range(3)))
    while worker.alive and time.monotonic() < began + 1.5 * seen.seconds + 40:
        status, text = await _readyz(worker)
        if status == 503 and "no progress" in text:
            seen.red = text
        await asyncio.sleep(0.2)
    seen.ended_after = time.monotonic() - began
    seen.exit_code = worker.process.poll()


async def _readyz(worker: Worker) -> tuple[int, str]:
    limit = aiohttp.ClientTimeout(total=1)
    try:
        async with aiohttp.request("GET", f"{worker.url}/readyz", timeout=limit) as response:
            return response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""


async def _is_final(worker: Worker, question_id: str) -> bool:
    url = f"{worker.url}/questions/{question_id}"
    async with aiohttp.request("GET", url) as response:
        return bool((await response.json()).get("status") == "validated")


def assert_b2(fault: str, seen: Stalled, within: float) -> None:
    log = seen.worker.log.read_text(errors="replace")
    assert seen.exit_code == 1, (seen, log[-3000:])
    assert seen.seconds <= seen.ended_after <= within, (seen, log[-3000:])
    if fault == "block":
        assert "the event loop has been blocked" in log
        assert "in blocking" in log, "the log shows where"
    else:
        assert seen.red is not None, log[-3000:]
        assert WORDS[fault] in seen.red
        assert "stuck_exit" in log


async def test_b2_a_worker_that_stands_still_is_red_then_ends(
    tmp_path: Path, model_server: FakeModelServer
) -> None:
    """Four causes on the embedded log, side by side, with a patience of 6 s."""
    faults = ("hang", "block", "no_fetch", "stop_hangs")
    seen = await asyncio.gather(
        *(stall(fault, tmp_path / fault, model_server, 6.0) for fault in faults)
    )
    for fault, each in zip(faults, seen, strict=True):
        assert_b2(fault, each, 6.0 + 12.0)


def kafka_settings(kafka: KafkaServer) -> dict[str, str]:
    name = f"t{uuid4().hex[:8]}"
    return {
        "PIPELINES": "questions",
        "BROKER": f"kafka://{kafka.bootstrap}",
        "APP_ID": name,
        "TOPIC_PREFIX": f"{name}.",
        "PARTITIONS": "2",
    }


@pytest.mark.kafka
async def test_b2_a_worker_that_its_group_does_not_take_back_is_red_then_ends(
    tmp_path: Path, model_server: FakeModelServer, kafka: KafkaServer
) -> None:
    """The broker is there, and so is the process: without the watchdog it would wait for ever."""
    seen = await stall(
        "never_joins", tmp_path / "worker", model_server, 6.0, **kafka_settings(kafka)
    )
    assert_b2("never_joins", seen, within=6.0 + 40.0)
    assert "_coordination_routine" in seen.worker.log.read_text(), "the log shows where it waits"


@pytest.mark.timeout(240)  # 80 s of them are the patience itself, beside three starts at once
@pytest.mark.kafka
async def test_b2_with_the_default_patience_on_kafka_it_ends_within_90_seconds(
    tmp_path: Path, model_server: FakeModelServer, kafka: KafkaServer
) -> None:
    faults = ("hang", "no_fetch", "block")
    seen = await asyncio.gather(
        *(
            stall(fault, tmp_path / fault, model_server, 60.0, **kafka_settings(kafka))
            for fault in faults
        )
    )
    for fault, each in zip(faults, seen, strict=True):
        assert_b2(fault, each, 90.0)

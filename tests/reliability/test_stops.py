"""Stops: bounded with the broker away, at once while models load, at once at the second signal."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.chaos.cluster import Worker, is_ready, worker_environment
from app.chaos.processes import free_ports, spawn
from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import post, until
from tests.servers import require
from tests.servers.kafka import start_kafka

COMMANDS = {
    "answerloop-worker": ["-m", "app.cli.main", "worker"],
    "faust-worker": ["-m", "faust", "-A", "app.worker", "worker", "-l", "info"],
}
START_SECONDS = 60.0
#: A signal that comes while torch is imported waits for parts of that which no thread interrupts.
SIGNAL_SECONDS = 4.0


@pytest.fixture
async def model_server() -> AsyncIterator[FakeModelServer]:
    server = FakeModelServer(answer=lambda question: "An answer")
    server.default = Step(text="An answer", latency=1)
    await server.start()
    yield server
    await server.stop()


def start(command: list[str], folder: Path, settings: dict[str, str]) -> Worker:
    [port] = free_ports(1)
    log = folder / "worker.log"
    environment = worker_environment(
        {
            "DATABASE": "memory:",
            "SCORER": "memory:",
            "HTTP_PORT": str(port),
            "DATA_DIR": str(folder / "data"),
            **settings,
        }
    )
    process = spawn([sys.executable, *command], log, environment=environment)
    return Worker(process, f"http://127.0.0.1:{port}", log)


async def ready(worker: Worker) -> None:
    async def is_up() -> bool:
        assert worker.alive, worker.log.read_text()[-3000:]
        return await is_ready(worker)

    await until(is_up, START_SECONDS)


async def ended(worker: Worker, within: float) -> tuple[int, float]:
    """Return exit code and seconds of a process that was told to end."""
    began = time.monotonic()
    try:
        code = await asyncio.to_thread(worker.process.wait, within)
    except subprocess.TimeoutExpired:
        worker.kill()
        pytest.fail(f"not within {within} s:\n{worker.log.read_text()[-3000:]}")
    return code, time.monotonic() - began


@pytest.mark.kafka
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_b3_a_stop_with_the_broker_down_is_in_time_and_of_few_words(
    command: list[str], model_server: FakeModelServer, tmp_path: Path
) -> None:
    broker = require(lambda: start_kafka(tmp_path / "kafka"))
    name = f"t{uuid4().hex[:8]}"
    try:
        worker = start(
            command,
            tmp_path,
            {
                "BROKER": f"kafka://{broker.bootstrap}",
                "APP_ID": name,
                "TOPIC_PREFIX": f"{name}.",
                "PARTITIONS": "2",
                "LLM": f"ollama://{model_server.host}",
                "LLM_MODEL": "smol",
            },
        )
        try:
            await ready(worker)
            await asyncio.gather(*(post(worker, f"Question {n}?") for n in range(40)))

            async def calling() -> bool:
                return len(model_server.calls) > 10

            await until(calling, 30)
        except BaseException:
            worker.kill()
            raise
    finally:
        broker.kill()
    said = len(worker.log.read_text().splitlines())
    down = time.monotonic()
    await asyncio.sleep(3)  # an outage of some seconds, then the stop
    worker.process.send_signal(signal.SIGTERM)
    code, seconds = await ended(worker, 40)
    log = worker.log.read_text()
    lines = len(log.splitlines()) - said
    assert seconds <= 30, log[-3000:]
    assert code in {0, 4}, log[-3000:]
    assert lines <= 10 * (time.monotonic() - down), log[-5000:]


@pytest.mark.alone
@pytest.mark.bundled
@pytest.mark.scorer
@pytest.mark.parametrize("after_seconds", [1.0, 3.0, 5.0])
async def test_a_signal_while_the_models_load_does_not_wait_for_them(
    after_seconds: float, tmp_path: Path
) -> None:
    worker = start(
        COMMANDS["answerloop-worker"],
        tmp_path,
        {"DATABASE": "embedded:", "SCORER": "local:", "LLM": "bundled:"},
    )
    await asyncio.sleep(after_seconds)
    assert worker.alive, worker.log.read_text()
    worker.process.send_signal(signal.SIGINT)
    code, seconds = await ended(worker, 10)
    assert seconds <= SIGNAL_SECONDS, worker.log.read_text()
    assert code in {0, 130, -signal.SIGINT}
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.alone
async def test_a_second_signal_ends_at_once(model_server: FakeModelServer, tmp_path: Path) -> None:
    model_server.default = Step(text="An answer", latency=30)
    worker = start(
        COMMANDS["answerloop-worker"],
        tmp_path,
        {"LLM": f"ollama://{model_server.host}", "LLM_MODEL": "smol"},
    )
    try:
        await ready(worker)
        await post(worker, "Why?")

        async def calling() -> bool:
            return len(model_server.calls) > 0

        await until(calling, 30)
        worker.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        assert worker.alive, "the first one waits for the call in hand"
        worker.process.send_signal(signal.SIGINT)
        code, seconds = await ended(worker, 20)
    finally:
        worker.kill()
    assert (code, seconds <= 2.0) == (130, True)

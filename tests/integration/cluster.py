"""Workers as processes of their own, on real servers, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

READY_SECONDS = 60.0


@dataclass
class Worker:
    """One `answerloop worker` process."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def kill(self) -> None:
        """Die as in a crash."""
        self.process.kill()
        self.process.wait(10)

    def stop(self, seconds: float = 30.0) -> int:
        """Stop in good order and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@dataclass
class Cluster:
    """Workers with common settings; `close` ends those that are left."""

    folder: Path
    settings: dict[str, str]
    workers: list[Worker] = field(default_factory=list)

    def start_worker(self, **settings: str) -> Worker:
        """Start a worker; it may not be ready yet."""
        port = free_port()
        number = len(self.workers)
        log = self.folder / f"worker-{number}.log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")},
            **{f"ANSWERLOOP_{k}": v for k, v in {**self.settings, **settings}.items()},
            "ANSWERLOOP_HTTP_PORT": str(port),
            "ANSWERLOOP_DATA_DIR": str(self.folder / f"data-{number}"),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli.main", "worker"],
                env=environment,
                stdout=output,
                stderr=output,
            )
        worker = Worker(process, f"http://127.0.0.1:{port}", log)
        self.workers.append(worker)
        return worker

    async def ready(self, worker: Worker) -> Worker:
        """Wait until the worker takes work."""

        async def is_ready() -> bool:
            assert worker.process.poll() is None, worker.log.read_text()[-3000:]
            try:
                async with aiohttp.request("GET", f"{worker.url}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await until(is_ready, READY_SECONDS)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def logs(self) -> str:
        return "\n".join(w.log.read_text(errors="replace") for w in self.workers)


async def post(worker: Worker, text: str, reference: str | None = "An answer", **more: Any) -> str:
    """Ask a question over HTTP and return its id."""
    body = {"question_text": text, "original_answer": reference, **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{worker.url}/query", json=body) as response,
    ):
        answer = await response.json()
        assert response.status in {200, 202}, answer
        return str(answer["question_id"])


async def get(worker: Worker, path: str) -> Any:
    """Return the JSON at a path."""
    async with aiohttp.ClientSession() as session, session.get(worker.url + path) as response:
        return await response.json()


async def final(worker: Worker, question_id: str, seconds: float = 30.0) -> dict[str, Any]:
    """Return the question once it is final."""

    async def found() -> dict[str, Any] | None:
        row = await get(worker, f"/questions/{question_id}")
        done = row.get("status") in {"validated", "low_quality", "unscored", "dead"}
        return row if done else None

    row: dict[str, Any] = await until(found, seconds)
    return row


async def until(check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """Return the first true value of `check`."""
    end = time.monotonic() + seconds
    while True:
        value = await check()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Workers as processes of their own, on common settings, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from app.chaos.processes import end, free_ports, last_words, spawn
from app.errors import AnswerloopError

READY_SECONDS = 90.0
_POLL_SECONDS = 0.1


class WorkerFailed(AnswerloopError):
    """A worker ended by itself, or was not ready in time; the text has the end of its log."""


@dataclass
class Worker:
    """One `answerloop worker` process."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    name: str = "worker"

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Die as in a crash."""
        end(self.process, seconds=0)

    def stop(self, seconds: float = 30.0) -> int:
        """Stop in good order and return the exit code. Raises subprocess.TimeoutExpired."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, and does not know it."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Cluster:
    """Workers with common settings; `close` ends those that are left."""

    folder: Path
    settings: dict[str, str]
    workers: list[Worker] = field(default_factory=list)

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.alive]

    def start_worker(self, **settings: str) -> Worker:
        """Start a worker; it may not be ready yet."""
        [port] = free_ports(1)
        name = f"worker-{len(self.workers) + 1}"
        environment = worker_environment(
            {
                **self.settings,
                **settings,
                "HTTP_PORT": str(port),
                "DATA_DIR": str(self.folder / f"data-{name}"),
            }
        )
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-m", "app.cli.main", "worker"]
        process = spawn(command, log, environment=environment)
        worker = Worker(process, f"http://127.0.0.1:{port}", log, name)
        self.workers.append(worker)
        return worker

    async def ready(self, worker: Worker) -> Worker:
        """Wait until the worker takes work. Raises WorkerFailed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await is_ready(worker):
            if not worker.alive:
                raise WorkerFailed(f"{worker.name} ended:\n{last_words(worker.log)}")
            if loop.time() > deadline:
                raise WorkerFailed(f"{worker.name} is not ready:\n{last_words(worker.log)}")
            await asyncio.sleep(_POLL_SECONDS)
        return worker

    def close(self) -> None:
        for worker in self.alive:
            worker.kill()

    def logs(self) -> str:
        return "\n".join(w.log.read_text(errors="replace") for w in self.workers)


def worker_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return this process's environment with these settings and none of its own."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
    return {**outside, **{f"ANSWERLOOP_{name}": value for name, value in settings.items()}}


async def is_ready(worker: Worker, within_seconds: float = 5.0) -> bool:
    """Tell whether a worker says that it takes work."""
    limit = aiohttp.ClientTimeout(total=within_seconds)
    try:
        async with aiohttp.request("GET", f"{worker.url}/readyz", timeout=limit) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False

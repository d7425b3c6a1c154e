"""A worker as a process of its own: embedded log and PostgreSQL, a scripted model, a token."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from app.fake_llm import FakeModelServer
from tests.flow.engine import poll

TOKEN = "a-token-that-nobody-guesses"
READY_SECONDS = 60.0


@dataclass
class Service:
    """A running worker; `log` is what it has written so far."""

    url: str
    port: int
    model: FakeModelServer
    process: asyncio.subprocess.Process
    data: Path
    log_file: Path
    token: str = TOKEN

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        """Ask with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, headers=headers, **options) as response,
        ):
            return response.status, await response.read()

    async def alive(self) -> bool:
        try:
            return (await self.call("GET", "/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False


def echo(question: str) -> str:
    return f"An answer to {question}"


@asynccontextmanager
async def service(
    folder: Path, *, answer: Callable[[str], str] = echo, **settings: str
) -> AsyncIterator[Service]:
    """Start a worker with its model server; stop both."""
    async with FakeModelServer(answer) as model:
        port, log_file = free_port(), folder / "worker.log"
        chosen = {
            "LLM": f"openai+{model.url}/v1",
            "LLM_MODEL": "smol:latest",
            "SCORER": "memory:",
            "PARTITIONS": "2",
            "API_TOKEN": TOKEN,
            "HTTP_PORT": str(port),
            "DATA_DIR": str(folder / "data"),
            **settings,
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
        environment |= {f"ANSWERLOOP_{name}": value for name, value in chosen.items()}
        with log_file.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.cli.main", "worker"),
                env=environment,
                stdout=output,
                stderr=output,
            )
        found = Service(f"http://127.0.0.1:{port}", port, model, process, folder / "data", log_file)
        try:
            await poll(found.alive, READY_SECONDS, pause=0.1)
            yield found
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

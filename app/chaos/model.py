"""The fake model as a process of its own, with a call log that the auditor reads."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from app.chaos.processes import end, last_words, spawn
from app.chaos.questions import REFUSED
from app.errors import AnswerloopError

START_SECONDS = 30.0
#: More often than a run asks what is to be refused.
_REFUSALS = 20_000


class FakeModel:
    """A running `answerloop fake-llm`. Its call log stays over `kill` and `start`."""

    def __init__(self, folder: Path, latency_seconds: float) -> None:
        self.calls_file = folder / "calls.jsonl"
        self._folder = folder
        self._latency = latency_seconds
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, on the port that it had before, and wait until it listens."""
        self.calls_file.touch()
        script = self._folder / "model-script.json"
        script.write_bytes(orjson.dumps({"questions": {REFUSED: [{"status": 400}] * _REFUSALS}}))
        command = [sys.executable, "-m", "app.cli.main", "fake-llm", "--port", str(self._port)]
        command += ["--latency", str(self._latency), "--calls", str(self.calls_file)]
        log = self._folder / "model.log"
        log.write_bytes(b"")
        self._process = spawn([*command, "--script", str(script)], log)
        deadline = time.monotonic() + START_SECONDS
        while "http://" not in last_words(log):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AnswerloopError(f"the fake model did not start: {last_words(log)}")
            time.sleep(0.05)
        address = last_words(log).partition("http://")[2].splitlines()[0]
        self._port = int(address.rpartition(":")[2].strip("/ "))

    def stop(self) -> None:
        end(self._process, seconds=5)

    def kill(self) -> None:
        end(self._process, seconds=0)

    async def answer_with(self, **step: Any) -> None:
        """What calls get from now on (`status`, `latency`, `retry_after`); nothing: an answer."""
        await self._put("default", step)

    async def stats(self) -> dict[str, Any]:
        """Return the figures of all calls: `calls`, `in_flight`, `statuses`."""
        limit = aiohttp.ClientTimeout(total=3)
        async with aiohttp.request(
            "GET", f"http://{self.host}/_fake/stats", timeout=limit
        ) as response:
            found: dict[str, Any] = await response.json()
            return found

    async def _put(self, what: str, document: dict[str, Any]) -> None:
        url = f"http://{self.host}/_fake/{what}"
        async with aiohttp.request("PUT", url, json=document) as response:
            if response.status >= 300:
                raise AnswerloopError(f"the fake model said {await response.text()}")

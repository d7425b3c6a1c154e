"""A worker on Ollama that can't import torch judges by a score server, and is there before it.

It does without openai, too: that package alone would take a second of each start.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from app.adapters.scorer.memory import OverlapScorer
from app.fake_llm import FakeModelServer
from app.scoring.server import ScoreServer
from app.settings import load_settings

ANSWER = "Lima es la capital del Perú, un país de América del Sur."
REFERENCE = "Lima es la capital."
_WORKER = """
import sys
for name in ("torch", "transformers", "bert_score", "onnxruntime", "tokenizers", "openai"):
    sys.modules[name] = None
from app.cli.main import main
main(["worker", "--http-port", "0"])
"""


class BundledByName(OverlapScorer):
    """Word overlap that calls itself the bundled scorer."""

    @property
    def name(self) -> str:
        return "minilm-l6:6"


@asynccontextmanager
async def worker(folder: Path, **settings: str) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Run the worker; give its URL and its log lines so far."""
    environment = {
        **os.environ,
        **{f"ANSWERLOOP_{name}": value for name, value in settings.items()},
        "ANSWERLOOP_LOG_FORMAT": "json",
        "ANSWERLOOP_PIPELINES": "questions",
        "ANSWERLOOP_DATABASE": "memory:",
        "ANSWERLOOP_DATA_DIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WORKER), env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    ready = asyncio.Event()

    async def read(stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            lines.append(json.loads(line) if line.startswith(b"{") else {"event": line.decode()})
            if lines[-1]["event"] == "ready":
                ready.set()
        ready.set()

    reading = asyncio.create_task(read(process.stderr))
    try:
        await asyncio.wait_for(ready.wait(), 60)
        [url] = [line["url"] for line in lines if line["event"] == "listening"]
        yield url, lines
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 30)
        await reading
    assert code == 0, lines


async def test_a_worker_without_torch_waits_for_the_score_server_and_judges_by_it(
    tmp_path: Path,
) -> None:
    bundled = BundledByName()
    first = ScoreServer(load_settings(scorer="memory:", http_port=0), bundled)
    await first.start()
    scorer_url = str(first.url)
    await first.stop()
    body = {"question_text": "¿Cuál es la capital de Perú?", "original_answer": REFERENCE}
    async with FakeModelServer(lambda _: ANSWER) as model, aiohttp.ClientSession() as session:
        settings = {"LLM": f"ollama://{model.host}", "LLM_MODEL": "smol:latest"}
        async with worker(tmp_path, SCORER=scorer_url, **settings) as (url, lines):
            async with session.post(f"{url}/query", json=body) as response:
                accepted = await response.json()
                assert response.status == 202
            question = f"{url}/questions/{accepted['question_id']}"
            await _in_state(session, question, "judging")
            port = int(scorer_url.rpartition(":")[2])
            server = ScoreServer(load_settings(scorer="memory:", http_port=port), bundled)
            await server.start()
            found = await _in_state(session, question, "validated")
            async with session.get(f"{url}/metrics") as response:
                figures = await response.json()
            await server.stop()
    assert found["scorer"] == "minilm-l6:6"
    assert (found["threshold"], found["recall"]) == (0.525, 1.0)
    assert found["f1"] < 0.75, "by the settings' gate it would have failed"
    assert found["generation"] == 1
    assert len(model.calls) == 1
    assert figures["scorer_errors"] >= 1
    assert figures["retries_scheduled"] == 0
    [away] = [line for line in lines if line["event"] == "scorer_away"]
    assert "QUALITY_PROFILE=minilm-l6" in away["mend"]


async def _in_state(session: aiohttp.ClientSession, url: str, status: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while found.get("status") != status:
            await asyncio.sleep(0.05)
            async with session.get(url) as response:
                found = await response.json()
    return found

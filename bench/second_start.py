"""The second start of an embedded worker: when it takes questions, and when its scorer is loaded.

    python -m bench.second_start [--rounds 1] [--json]

`answerloop worker` with embedded log, embedded PostgreSQL, BERTScore and a model server that
answers at once, started once in an empty folder, stopped, and started again `--rounds` times:
seconds from its process to the first 202 of `POST /query` (intake ready), and to the first answer
that is judged (scorer loaded). The peer, in turn with it: a script that imports bert-score, loads
the same model and scores one pair, before which it takes no question. Medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from app.loop import run
from bench.api import fake_model, free_port, post
from bench.worker_environment import environment

_PATIENCE_SECONDS = 90.0
_SCRIPT = """\
from app.adapters.scorer.bertscore import load_library
from app.adapters.scorer.models import choose_encoder
load_library(choose_encoder(None), 1).score(["Paris."], ["It is Paris."])
"""


async def start(data: Path, model: str) -> tuple[float, float]:
    """Start a worker and stop it; return seconds to its first 202 and to its first verdict."""
    port = free_port()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli.main", "worker"),
        stdout=sys.stderr,
        env=environment(data, port, llm=f"ollama://{model}", scorer="local:", max_generations="1"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(_PATIENCE_SECONDS):
            await _accepted(session, url, process)
            intake = time.perf_counter() - began
            judged = await post(session, f"{url}/query?wait=60", 200)
            if judged.get("f1") is None:
                raise RuntimeError(f"not judged: {judged}")
            return intake, time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def _accepted(
    session: aiohttp.ClientSession, url: str, process: asyncio.subprocess.Process
) -> None:
    """Return once a question is accepted. Raises RuntimeError when the worker has ended."""
    while True:
        if process.returncode is not None:
            raise RuntimeError(f"the worker ended with {process.returncode}")
        try:
            await post(session, f"{url}/query", 202)
        except (aiohttp.ClientError, RuntimeError):
            await asyncio.sleep(0.02)  # not listening yet, or not ready: 503
        else:
            return


def script() -> float:
    """Return the seconds that the peer takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _SCRIPT], check=True, stdout=sys.stderr)
    return time.perf_counter() - began


async def measure(data: Path, rounds: int) -> dict[str, Any]:
    """Return medians of the second and later starts, in turn with the peer's."""
    starts, scripts = [], []
    async with fake_model() as model:
        first = await start(data, model)
        await asyncio.to_thread(script)  # what is read from disk is read once before, on both sides
        for _ in range(rounds):
            starts.append(await start(data, model))
            scripts.append(await asyncio.to_thread(script))
    return {
        "rounds": rounds,
        "first_intake_seconds": round(first[0], 2),
        "intake_seconds": round(statistics.median(each[0] for each in starts), 2),
        "models_seconds": round(statistics.median(each[1] for each in starts), 2),
        "script_seconds": round(statistics.median(scripts), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
        Path(name).chmod(0o755)
        found = run(measure(Path(name) / "data", options.rounds))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for each, value in found.items():
        print(f"{each.replace('_', ' '):24}{value:>8}")


if __name__ == "__main__":
    main()

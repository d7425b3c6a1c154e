"""C6: `run` on the embedded log and database is killed at random, then finishes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from app.adapters.embedded_postgres.server import EmbeddedPostgres
from app.chaos.cluster import worker_environment
from app.chaos.database import Database
from app.chaos.ledger import AcceptedQuestion
from app.chaos.play import run_auditor
from app.chaos.processes import end, last_words, spawn
from app.chaos.questions import make_question
from app.chaos.scenario import CONSERVATION, Facts, Scenario, figure
from app.chaos.stage import CONCURRENCY, Stage
from app.core.identity import question_id
from app.errors import AnswerloopError
from app.opening import embedded_database_folder
from app.settings import load_settings

KILLS, LONG_KILLS = 20, 100
QUESTIONS = 200
#: Every other kill comes while it starts, or soon after; the rest in the middle of model calls.
KILL_AFTER_SECONDS = (0.5, 5.0)
KILL_AT_WORK_AFTER_SECONDS = (0.1, 2.0)
WORK_SECONDS = 60.0
FINISH_SECONDS = 300.0
#: What only a client and workers that stay up can show.
_NOT_HERE = {"lag", "given_up", "other_replies", "crashed_workers", "bad_stops"}


async def _perform(stage: Stage) -> Facts:
    questions = stage.options.questions or QUESTIONS
    kills = LONG_KILLS if stage.options.long else KILLS
    file, out = stage.folder / "questions.jsonl", stage.folder / "results.jsonl"
    await _write_questions(stage, file, questions)
    at_work = 0
    for number in range(kills):
        at_work += await _run_and_kill(stage, file, out, number)
    started = time.monotonic()
    await _run_to_the_end(stage, file, out)
    rows = [orjson.loads(line) for line in (await asyncio.to_thread(out.read_bytes)).splitlines()]
    stage.figures |= {
        "kills": kills,
        "kills_at_work": at_work,
        "questions": questions,
        "last_run_seconds": round(time.monotonic() - started, 1),
        "result_rows": len(rows),
        "rows_twice": len(rows) - len({row["question_id"] for row in rows}),
    }
    return Facts(await _audit(stage), stage.figures)


async def _write_questions(stage: Stage, file: Path, count: int) -> None:
    """Write the file, and into the ledger what `run` promises by taking it."""
    lines = []
    for number in range(1, count + 1):
        made = make_question(stage.name, number)
        lines.append(orjson.dumps(made.body))
        id_ = question_id(made.text, made.reference, "smol")
        accepted = AcceptedQuestion(number, id_, "", made.text, made.expected, time.time())
        await stage.client.ledger.write(accepted)
    await asyncio.to_thread(file.write_bytes, b"\n".join(lines) + b"\n")


def _start(stage: Stage, file: Path, out: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "app.cli.main", "run", str(file), "--out", str(out), "--json"]
    return spawn(command, log, environment=worker_environment(_settings(stage)))


def _settings(stage: Stage) -> dict[str, str]:
    return {
        **stage.cluster.settings,
        "BROKER": "log:",
        "DATABASE": "embedded:",
        "DATA_DIR": str(stage.folder / "data"),
    }


async def _run_and_kill(stage: Stage, file: Path, out: Path, number: int) -> bool:
    """Start a run and kill it; tell whether it was calling the model by then."""
    before = (await stage.model.stats())["calls"]
    process = _start(stage, file, out, stage.folder / f"run-{number + 1}.log")
    try:
        if number % 2:
            await _at_work(stage, process, before)
            await asyncio.sleep(stage.random.uniform(*KILL_AT_WORK_AFTER_SECONDS))
        else:
            await asyncio.sleep(stage.random.uniform(*KILL_AFTER_SECONDS))
    finally:
        with stage.fault(f"SIGKILL run {number + 1}"):
            end(process, seconds=0)
    return bool((await stage.model.stats())["calls"] > before)


async def _at_work(stage: Stage, process: subprocess.Popen[bytes], calls: int) -> None:
    """Wait until the model was called, within a time, or the run has ended."""
    deadline = time.monotonic() + WORK_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if (await stage.model.stats())["calls"] > calls:
            return
        await asyncio.sleep(0.1)


async def _run_to_the_end(stage: Stage, file: Path, out: Path) -> None:
    """Run until it is done. Raises AnswerloopError when it fails or takes too long."""
    log = stage.folder / "run-last.log"
    process = _start(stage, file, out, log)
    deadline = time.monotonic() + FINISH_SECONDS
    try:
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
    finally:
        end(process, seconds=0 if process.poll() is None else 1)
    if process.returncode != 0:
        raise AnswerloopError(f"the last run ended with {process.returncode}: {last_words(log)}")


async def _audit(stage: Stage) -> dict[str, Any]:
    """Audit with the embedded database running: it stopped with its run."""
    settings = load_settings(data_dir=stage.folder / "data")
    server = EmbeddedPostgres(embedded_database_folder(settings))
    stage.database = Database(await asyncio.to_thread(server.start))
    try:
        return await run_auditor(stage)
    finally:
        await asyncio.to_thread(server.stop)


async def _nothing(stage: Stage) -> None:
    """All faults are in the performance."""
    del stage
    await asyncio.sleep(0)


def _one_call_for_each_slot(facts: Facts) -> float:
    return float(facts.figures["kills"] * CONCURRENCY)


EMBEDDED_KILLS = Scenario(
    name="embedded-kills",
    about="`run` on the embedded log and database: SIGKILL at random, 20 times (--long 100)",
    promise="1 every row ends, by the same command; 2 one row and one final state",
    faults=_nothing,
    perform=_perform,
    common=tuple(check for check in CONSERVATION if check.key not in _NOT_HERE),
    checks=(
        figure("kills in the middle of work", "kills_at_work", 5, least=True),
        figure("rows of results", "result_rows", lambda facts: facts.figures["questions"]),
        figure(
            "rows of results", "result_rows", lambda facts: facts.figures["questions"], least=True
        ),
        figure("rows of results twice", "rows_twice", 0),
    ),
    repeated_calls=_one_call_for_each_slot,
    latency_seconds=0.5,
)

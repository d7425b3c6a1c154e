"""M2: a thousand dead letters are redriven twice, at once, and by commands that are killed.

The model servers count: each question is asked once before it dies, and once more after all that.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import until
from tests.integration.test_command import Command, write_questions
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]

LETTERS = 1000
TEXTS = [f"Question {n}?" for n in range(LETTERS)]
REDRIVE = ("dlq", "redrive", "--cause", "unauthorized", "--yes", "--json")


@pytest.fixture
async def model_server() -> Any:
    server = FakeModelServer(answer=lambda question: "An answer")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def died(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> tuple[Path, str]:
    """A data folder and a database in which a thousand questions are dead: tests take copies."""
    folder = tmp_path_factory.mktemp("died")
    database = asyncio.run(_new_database(postgres_server, "migrated"))
    asyncio.run(_let_die(folder, postgres_server.dsn_of(database)))
    return folder / "data", database


async def _let_die(folder: Path, dsn: str) -> None:
    async with FakeModelServer(answer=lambda question: "An answer") as server:
        server.default = Step(status=401)
        command = _command(folder, server, dsn)
        write_questions(folder, TEXTS)
        totals = await command.json("run", "questions.csv", "--concurrency", "64")
        assert totals["dead_by_cause"] == {"unauthorized": LETTERS}
        assert server.counts() == dict.fromkeys(TEXTS, 1)


@pytest.fixture
async def dead(
    tmp_path: Path,
    model_server: FakeModelServer,
    died: tuple[Path, str],
    postgres_server: PostgresServer,
) -> Command:
    """A command over an embedded log and PostgreSQL, in which a thousand questions are dead."""
    data, template = died
    await asyncio.to_thread(shutil.copytree, data, tmp_path / "data")
    database = await _new_database(postgres_server, template)
    return _command(tmp_path, model_server, postgres_server.dsn_of(database))


def _command(folder: Path, model: FakeModelServer, dsn: str) -> Command:
    command = Command(folder, model)
    command.settings |= {"DATABASE": dsn, "PARTITIONS": "4", "FLOOD_SHARE": "1"}
    return command


async def _new_database(server: PostgresServer, template: str) -> str:
    name = f"redrive_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    return name


async def fetch(command: Command, sql: str) -> list[Any]:
    connection = await asyncpg.connect(command.settings["DATABASE"])
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def ends(command: Command) -> dict[tuple[str, int], int]:
    """Return how many questions there are of each (status, round)."""
    rows = await fetch(command, "SELECT status, round, count(*) FROM questions GROUP BY 1, 2")
    return {(status, round_): count for status, round_, count in rows}


async def worker_of(command: Command) -> asyncio.subprocess.Process:
    worker = await command.start(
        "worker", "--http-port", "0", "--concurrency", "64", LOG_LEVEL="error"
    )

    async def found() -> bool:
        assert worker.returncode is None
        file = command.folder / "data" / "engine.json"
        # One that was killed has left its own; beside that a command would take the log itself.
        return file.exists() and json.loads(file.read_text())["pid"] == worker.pid

    await until(found, 60)
    return worker


async def stop(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await worker.communicate()


async def all_answered(command: Command) -> None:
    async def answered() -> bool:
        return await ends(command) == {("validated", 1): LETTERS}

    await until(answered, 120)


async def test_m2_a_thousand_letters_redriven_twice_are_each_processed_once(
    dead: Command, model_server: FakeModelServer
) -> None:
    """Two redrives at the same time, and a third when all is over."""
    worker = await worker_of(dead)
    try:
        twice = await asyncio.gather(dead(*REDRIVE), dead(*REDRIVE))
        sent = [json.loads(out)["sent"] for _, out, _ in twice]
        assert [code for code, _, _ in twice] == [0, 0]
        assert sum(sent) == LETTERS, "each letter is sent by one of the two"
        await all_answered(dead)
        assert (await dead.json(*REDRIVE[:-1]))["sent"] == 0
    finally:
        await stop(worker)
    assert await ends(dead) == {("validated", 1): LETTERS}
    assert model_server.counts() == dict.fromkeys(TEXTS, 1)
    [row] = await fetch(dead, "SELECT count(*) FROM dead_letters WHERE new_round <> 1")
    assert row[0] == 0


async def test_m2_redrives_killed_in_the_middle_make_no_question_twice(
    dead: Command, model_server: FakeModelServer
) -> None:
    """Four commands are killed at work; claimed, sent, marked: each is gone through."""
    for _ in range(4):
        before = await marked(dead)
        if before > LETTERS // 2:  # a fast machine: the next one finds work all the same
            await fetch(dead, "UPDATE dead_letters SET sent_at = NULL WHERE origin_offset % 2 = 0")
            before = await marked(dead)
        process = await dead.start(*REDRIVE)
        await until(partial(more_marked, dead, before), 60)
        process.kill()
        await process.wait()
        # A minute passes: what the dead command had in hand is free again.
        await fetch(dead, "UPDATE dead_letters SET claimed_at = claimed_at - 60")
    # Killed after sending and before marking: exactly this is what a redrive finds.
    await fetch(
        dead,
        "UPDATE dead_letters SET sent_at = NULL WHERE origin_offset % 3 = 0",
    )
    totals = await dead.json(*REDRIVE[:-1])
    assert totals["failed"] == 0
    assert await marked(dead) == LETTERS
    worker = await worker_of(dead)
    try:
        await all_answered(dead)
        # What was sent when its new round had ended already is not sent, and not asked, again.
        await fetch(
            dead,
            "UPDATE dead_letters SET sent_at = NULL, claimed_at = 0 WHERE origin_offset % 7 = 0",
        )
        totals = await dead.json(*REDRIVE[:-1])
        assert (totals["sent"], totals["failed"], totals["refused"]) == (0, 0, 0)
        assert totals["arrived"] > 0
    finally:
        await stop(worker)
    assert model_server.counts() == dict.fromkeys(TEXTS, 1)
    assert await ends(dead) == {("validated", 1): LETTERS}


async def test_m2_a_worker_killed_in_the_middle_of_a_redrive_makes_no_question_twice(
    dead: Command, model_server: FakeModelServer
) -> None:
    """The command says where it stopped, and goes on with the next worker."""
    worker = await worker_of(dead)
    redriving = asyncio.create_task(dead(*REDRIVE, "--rate", "400"))

    async def some_sent() -> bool:
        return await marked(dead) >= 200

    await until(some_sent, 120)
    worker.kill()
    await worker.wait()
    code, _, errors = await redriving
    assert code == 4, errors
    assert "The same command goes on" in errors
    await fetch(dead, "UPDATE dead_letters SET claimed_at = claimed_at - 60")
    worker = await worker_of(dead)
    try:
        await dead.json(*REDRIVE[:-1])
        assert await marked(dead) == LETTERS
        await all_answered(dead)
    finally:
        await stop(worker)
    extra = sum(model_server.counts().values()) - LETTERS
    assert extra <= 64, "only calls that the kill cut off are made again"


async def more_marked(command: Command, than: int) -> bool:
    return await marked(command) > than


async def marked(command: Command) -> int:
    [row] = await fetch(command, "SELECT count(*) FROM dead_letters WHERE sent_at IS NOT NULL")
    return int(row[0])

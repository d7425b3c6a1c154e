"""Both pipelines as an operator starts them: by `answerloop worker`, and by Faust's own command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.fake_llm import FakeModelServer
from tests.integration.cluster import Cluster, final, get, post, until
from tests.integration.test_command import Command

#: Nobody is there.
NO_MODEL = "ollama://127.0.0.1:9"


@pytest.fixture
def command(tmp_path: Path, model_server: FakeModelServer) -> Command:
    return Command(tmp_path, model_server)


#: A worker whose ratings pipeline crashes soon after its start.
CRASHING = """
from app.cli.main import main
from app.factory import ratings

def register(context):
    @context.app.timer(0.3)
    async def crash():
        raise RuntimeError("on purpose")

ratings.register_all = register
main(["worker", "--http-port", "0"])
"""


class Served:
    """A worker's process, and its API."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url

    async def get(self, path: str) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, json=body) as response,
        ):
            return response.status, await response.json()


@asynccontextmanager
async def served(process: Process, folder: Path) -> AsyncIterator[Served]:
    """Wait until a worker of this folder is ready; stop it in the end: its exit code is 0."""
    file = folder / "data" / "engine.json"

    async def ready() -> bool:
        assert process.returncode is None, (await process.communicate())[1].decode()
        if not file.exists():
            return False
        worker = Served(process, json.loads(file.read_text())["url"])
        return (await worker.get("/readyz"))[0] == 200

    try:
        await until(ready, 60)
        yield Served(process, json.loads(file.read_text())["url"])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-3000:]
    assert b"Traceback" not in errors, errors.decode()[-3000:]
    assert not file.exists()


async def python(command: Command, *arguments: str) -> Process:
    """Start Python in the command's folder, with its settings."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")},
        **{f"ANSWERLOOP_{k}": v for k, v in command.settings.items()},
        "ANSWERLOOP_HTTP_PORT": "0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=command.folder,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_worker_runs_both_on_the_embedded_log_and_database_and_again_after_a_stop(
    command: Command,
) -> None:
    async with served(await command.start("worker", "--http-port", "0"), command.folder) as worker:
        dependencies = (await worker.get("/health"))[1]["dependencies"]
        assert {each["status"] for each in dependencies.values()} == {"up"}
        status, body = await worker.post("/query?wait=30", {"question_text": "Who?"})
        assert (status, body["status"]) == (200, "unscored")
        topics = await command.json("topics", "list")
    assert {topic["topic"]: topic["partitions"] for topic in topics}.items() >= {
        ("questions-pending", 8),
        ("ratings", 6),
        ("metrics", 3),
        ("recommendations", 6),
    }
    async with served(await command.start("worker", "--http-port", "0"), command.folder) as worker:
        assert (await worker.get(f"/questions/{body['question_id']}"))[1]["status"] == "unscored"


async def test_a_worker_of_ratings_needs_no_model(command: Command) -> None:
    start = command.start("worker", "--http-port", "0", PIPELINES="ratings", LLM=NO_MODEL)
    async with served(await start, command.folder) as worker:
        dependencies = (await worker.get("/health"))[1]["dependencies"]
        assert list(dependencies) == ["broker", "database"]
        status, body = await worker.post("/query", {"question_text": "Who?"})
        assert (status, body["error"]["code"]) == (404, "not_in_this_worker")
        code, _, errors = await command("ask", "Who?", PIPELINES="ratings")
        assert code == 2
        assert "ANSWERLOOP_PIPELINES names questions" in errors


@pytest.mark.parametrize(
    ("app", "dependencies"),
    [
        ("app.worker", {"broker", "database", "cache", "model", "scorer"}),
        ("app.worker:ratings", {"broker", "database"}),
    ],
)
async def test_fausts_own_command_runs_one_pipeline_with_our_server(
    command: Command, app: str, dependencies: set[str]
) -> None:
    process = await python(command, "-m", "faust", "-A", app, "worker", "-l", "info")
    async with served(process, command.folder) as worker:
        assert set((await worker.get("/health"))[1]["dependencies"]) == dependencies


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.redis
async def test_a_worker_runs_both_on_kafka(
    make_cluster: Callable[..., Cluster], model_server: FakeModelServer
) -> None:
    cluster = make_cluster(model_server, PIPELINES="questions,ratings")
    worker = await cluster.ready(cluster.start_worker())
    question_id = await post(worker, "Who?")
    assert (await final(worker, question_id))["status"] == "validated"
    async with aiohttp.ClientSession() as session:
        for user in range(1, 21):
            rating = {"userId": user, "movieId": 1, "rating": 4.0, "timestamp": 1_700_000_000_000}
            async with session.post(f"{worker.url}/ratings", json=rating) as response:
                assert response.status == 202, await response.text()

    async def counted() -> bool:
        return bool((await get(worker, "/ratings/stats"))["valid"] == 20)

    await until(counted, 30)
    worker.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.process.wait, 20) == 0, worker.log.read_text()[-3000:]


async def test_a_crash_of_one_ends_the_process_with_exit_code_1(command: Command) -> None:
    process = await python(command, "-c", CRASHING)
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 1, errors.decode()[-3000:]
    assert b"answerloop-ratings" in errors
    assert b"on purpose" in errors
    assert not (command.folder / "data" / "engine.json").exists()


async def test_run_starts_the_questions_only(command: Command) -> None:
    (command.folder / "questions.jsonl").write_text('{"question_text": "Who?"}\n')
    totals = await command.json("run", "questions.jsonl", PIPELINES="ratings")
    assert totals["counts"]["unscored"] == 1
    topics = await command.json("topics", "list")
    there = {topic["topic"] for topic in topics if topic["partitions"] is not None}
    assert "questions-pending" in there
    assert not {"ratings", "metrics", "recommendations"} & there


async def test_topics_create_makes_those_of_both_and_tells_what_differs(command: Command) -> None:
    first = await command.json("topics", "create")
    assert {report["state"] for report in first} == {"created"}
    assert {"questions-pending", "ratings", "metrics"} <= {report["name"] for report in first}
    again = await command.json("topics", "create", PARTITIONS="4")
    differing = {r["name"]: r["differences"] for r in again if r["state"] == "differs"}
    assert differing["questions-pending"] == ["partitions: 8, not 4"]
    assert "ratings" not in differing

"""The `answerloop` command as a user runs it: embedded log and database, scripted model server."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.cli.main import DOCTOR
from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import until
from tests.servers.kafka import KafkaServer


class Command:
    """Runs the command in a folder of its own, against a model server."""

    def __init__(self, folder: Path, model: FakeModelServer) -> None:
        self.folder = folder
        self.settings = {
            "LLM": f"ollama://{model.host}",
            "LLM_MODEL": "smol",
            "SCORER": "memory:",
            "QUALITY_THRESHOLD": "0.6",
            "OVERLOAD_BASE_SECONDS": "0.1",
            "DATA_DIR": str(folder / "data"),
        }

    async def start(self, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")},
            **{f"ANSWERLOOP_{k}": v for k, v in {**self.settings, **settings}.items()},
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.cli.main",
            *arguments,
            cwd=self.folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        process = await self.start(*arguments, **settings)
        async with asyncio.timeout(180):
            out, errors = await process.communicate()
        return process.returncode or 0, out.decode(), errors.decode()

    async def json(self, *arguments: str, **settings: str) -> Any:
        code, out, errors = await self(*arguments, "--json", **settings)
        assert code == 0, errors
        return json.loads(out)


@pytest.fixture
def command(tmp_path: Path, model_server: FakeModelServer) -> Command:
    return Command(tmp_path, model_server)


def write_questions(folder: Path, texts: list[str], name: str = "questions.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["question_text", "original_answer", "source"])
        writer.writerows([text, "An answer", "test"] for text in texts)
    return path


async def test_run_answers_a_file_and_a_rerun_asks_nothing_again(
    command: Command, model_server: FakeModelServer
) -> None:
    texts = ["¿Qué?", "Who?", "Busy?", "Who?", "Refused?"]
    model_server.script["Busy?"] = [Step(status=503)]
    model_server.script["Refused?"] = [Step(status=400)]
    write_questions(command.folder, texts)
    totals = await command.json("run", "questions.csv", "--out", "results.csv")
    assert totals["counts"]["validated"] == 4
    assert totals["counts"]["dead"] == 1
    assert totals["dead_by_cause"] == {"bad_request": 1}
    with (command.folder / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["question_text"] for row in rows] == texts
    assert [row["status"] for row in rows] == ["validated"] * 4 + ["dead"]
    assert rows[1]["question_id"] == rows[3]["question_id"]
    assert json.loads(rows[0]["metadata"]) == {"source": "test"}

    asked = model_server.counts()
    again = await command.json("run", "questions.csv", "--out", "again.jsonl")
    assert again["counts"]["validated"] == 5  # a dead question is asked anew, and answered now
    assert again["answered_before"] == 4
    assert model_server.counts() == {**asked, "Refused?": asked["Refused?"] + 1}

    shown = await command.json("show", rows[2]["question_id"])
    assert [attempt.get("cause") for attempt in shown["attempts"]] == ["overloaded", None]
    assert [attempt["verdict"] for attempt in shown["attempts"]] == [None, "pass"]
    lines = (command.folder / "again.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[2]) == shown
    in_csv = {name: rows[2][name] for name in ("metric", "gate", "library", "rescaled", "why")}
    assert in_csv == {**{name: shown[name] for name in in_csv}, "rescaled": "false"}
    assert (await command("show", rows[2]["question_id"]))[1].count(shown["why"]) == 2


async def test_bad_rows_are_reported_and_do_not_stop_the_rest(command: Command) -> None:
    path = command.folder / "mixed.jsonl"
    path.write_text('{"question_text": "Good?"}\nnot json\n{"question_text": "  "}\n')
    code, out, errors = await command("run", "mixed.jsonl", "--json")
    assert code == 0
    assert json.loads(out)["bad_rows"] == 2
    assert "line 2:" in errors
    rejects = (command.folder / "mixed.rejects.csv").read_text()
    assert rejects.count("\n") == 3


async def test_fresh_asks_anew_once_for_each_run(
    command: Command, model_server: FakeModelServer
) -> None:
    write_questions(command.folder, ["Again?"])
    for expected in (1, 2):
        await command.json("run", "questions.csv", "--fresh")
        assert model_server.counts()["Again?"] == expected


async def test_an_interrupted_run_ends_cleanly_and_the_next_one_finishes(
    command: Command, model_server: FakeModelServer
) -> None:
    model_server.default = Step(text="An answer", latency=0.3)
    write_questions(command.folder, [f"Question {n}?" for n in range(40)])
    process = await command.start("run", "questions.csv", "--concurrency", "2", "--json")

    async def some() -> bool:
        return len(model_server.calls) >= 8

    await until(some, 60)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(40):
        out, errors = await process.communicate()
    assert process.returncode == 130, errors.decode()
    assert json.loads(out)["interrupted"] is True

    model_server.default = Step(text="An answer")
    totals = await command.json("run", "questions.csv")
    assert totals["counts"]["validated"] == 40
    assert len(model_server.calls) <= 40 + 2


async def test_a_killed_run_loses_nothing_and_asks_nothing_answered_again(
    command: Command, model_server: FakeModelServer
) -> None:
    model_server.default = Step(text="An answer", latency=0.2)
    write_questions(command.folder, [f"Question {n}?" for n in range(40)])
    process = await command.start("run", "questions.csv", "--concurrency", "4")

    async def some() -> bool:
        return len(model_server.calls) >= 12

    await until(some, 60)
    process.kill()
    await process.wait()
    model_server.default = Step(text="An answer")
    # The lease of the calls that were in flight runs out first: nobody knows if they are made.
    totals = await command.json("run", "questions.csv", "--out", "results.jsonl")
    assert totals["counts"]["validated"] == 40
    lines = (command.folder / "results.jsonl").read_text().splitlines()
    assert len({json.loads(line)["question_id"] for line in lines}) == 40
    assert len(model_server.calls) <= 40 + 4


async def test_commands_beside_a_worker_go_through_it(
    command: Command, model_server: FakeModelServer
) -> None:
    worker = await command.start("worker", "--http-port", "0")
    try:

        async def found() -> bool:
            assert worker.returncode is None
            return (command.folder / "data" / "engine.json").exists()

        await until(found, 60)
        row = await command.json("ask", "Through it?", "--reference", "An answer")
        assert row["status"] == "validated"
        topics = await command.json("topics", "list")
        assert {topic["partitions"] for topic in topics} == {3, 6, 8}
        write_questions(command.folder, ["Through it?", "New?"])
        totals = await command.json("run", "questions.csv")
        assert totals["rows"] == 2
        code, _, errors = await command("run", "questions.csv", "--threshold", "0.9")
        assert code == 2
        assert "settings of its own" in errors
        code, _, errors = await command("worker", "--http-port", "0")
        assert code == 4
        assert errors.count("\n") <= 2
    finally:
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await worker.communicate()
    assert worker.returncode == 0
    assert not (command.folder / "data" / "engine.json").exists()


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"BROKR": "x"}, 2, "did you mean ANSWERLOOP_BROKER?"),
        ({"QUALITY_THRESHOLD": "1.5"}, 2, "ANSWERLOOP_QUALITY_THRESHOLD"),
        ({"LLM": "telnet://x"}, 2, "ANSWERLOOP_LLM"),
        ({"LLM": "ollama://127.0.0.1:9"}, 4, "ANSWERLOOP_LLM"),
        ({"DATABASE": "postgresql://x@127.0.0.1:9/x"}, 4, "ANSWERLOOP_DATABASE"),
        ({"BROKER": "kafka://127.0.0.1:9", "DATABASE": "memory:"}, 4, "ANSWERLOOP_BROKER"),
        ({"HTTP_HOST": "0.0.0.0"}, 2, "ANSWERLOOP_API_TOKEN"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_a_bad_setting_stops_the_worker_with_one_clear_line(
    command: Command, settings: dict[str, str], code: int, words: str
) -> None:
    found, out, errors = await command("worker", **settings)
    assert (found, out) == (code, ""), errors
    assert words in errors
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[1:] == ([DOCTOR] if code == 4 else []), errors


async def test_wrong_use_has_its_exit_codes(command: Command) -> None:
    assert (await command("run", "missing.csv"))[0] == 2
    assert (await command("show", "nothing", DATABASE="embedded:"))[0] == 3
    assert (await command("nonsense"))[0] == 2
    assert (await command("run"))[0] == 2
    code, out, _ = await command("config", "show", "--json", LLM_API_KEY="sekret")
    assert code == 0
    assert "sekret" not in out


async def test_beside_a_worker_on_kafka_with_an_embedded_database_commands_ask_the_worker(
    command: Command, kafka: KafkaServer
) -> None:
    name = f"w{uuid4().hex[:8]}"
    command.settings |= {"BROKER": f"kafka://{kafka.bootstrap}", "HTTP_PORT": "0"}
    command.settings |= {"APP_ID": name, "TOPIC_PREFIX": f"{name}.", "PIPELINES": "questions"}
    worker = await command.start("worker")
    try:
        async with asyncio.timeout(100):
            assert worker.stderr is not None
            while b"] ready " not in (line := await worker.stderr.readline()):
                assert line, "the worker ended"
        asked = await command.json("ask", "¿Qué?", "--reference", "An answer")
        assert await command.json("show", asked["question_id"]) == asked
        assert (await command.json("costs"))["total"]["calls"] == 1
        assert (await command.json("dlq", "list"))["letters"] == []
        code, _, errors = await command("db", "status")
        assert code == 4
        assert "or use a PostgreSQL server (ANSWERLOOP_DATABASE)" in errors
    finally:
        worker.terminate()
        await worker.communicate()

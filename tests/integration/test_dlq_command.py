"""`answerloop dlq` as an operator uses it: without an engine, and beside one."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from app.cli.main import DOCTOR
from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import until
from tests.integration.test_command import Command, write_questions

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]

TEXTS = [f"Question {n}?" for n in range(6)]
MEND = """
import json

def shorter(letter):
    if letter.question_id is None:
        return None
    question = json.loads(letter.value)
    if question["question_text"] == "Question 5?":
        raise ValueError("this one can't be helped")
    question["question_text"] = "Shorter " + question["question_text"]
    return json.dumps(question).encode()
"""


@pytest.fixture
def command(tmp_path: Path, model_server: FakeModelServer, postgres_dsn: str) -> Command:
    command = Command(tmp_path, model_server)
    command.settings |= {"DATABASE": postgres_dsn, "PARTITIONS": "2"}
    return command


async def die(command: Command, model_server: FakeModelServer) -> None:
    """Let every question die of a refused key, then mend the key."""
    model_server.default = Step(status=401)
    write_questions(command.folder, TEXTS)
    totals = await command.json("run", "questions.csv")
    assert totals["dead_by_cause"] == {"unauthorized": len(TEXTS)}
    model_server.default = Step(text="An answer")


async def test_letters_are_redriven_without_an_engine_and_answered_by_the_next_one(
    command: Command, model_server: FakeModelServer
) -> None:
    await die(command, model_server)
    listed = await command.json("dlq", "list", "--cause", "unauthorized", "--limit", "2")
    assert [row["letters"] for row in listed["counts"]] == [6]
    assert len(listed["letters"]) == 2
    [shown] = await command.json("dlq", "show", listed["letters"][0]["origin"])
    [same] = await command.json("dlq", "show", shown["question_id"])
    assert (same["origin"], same["redrive"]["as"]) == (shown["origin"], "question")

    code, out, errors = await command("dlq", "redrive", "--cause", "unauthorized")
    assert code == 0, errors
    assert "6 of 6 letters would be sent" in out
    assert "--yes" in out
    assert await command.json("dlq", "redrives") == []

    redrive = ("dlq", "redrive", "--cause", "unauthorized", "--yes")
    assert (await command.json(*redrive, "--limit", "2"))["sent"] == 2
    assert (await command.json(*redrive, "--rate", "50"))["sent"] == 4
    assert (await command.json(*redrive))["sent"] == 0
    newest, oldest = await command.json("dlq", "redrives")
    assert (oldest["sent"], oldest["planned"], newest["sent"]) == (2, 2, 4)

    totals = await command.json("run", "questions.csv")
    assert totals["counts"]["validated"] == len(TEXTS)
    assert model_server.counts() == dict.fromkeys(TEXTS, 2)

    assert (await command.json("dlq", "purge"))["would_purge"] == 6
    assert await command.json("dlq", "purge", "--yes") == {"purged": 6}
    assert (await command.json("dlq", "list", "--state", "all"))["counts"] == []


async def test_a_transform_mends_what_it_can_and_reports_the_rest_with_its_line(
    command: Command, model_server: FakeModelServer
) -> None:
    await die(command, model_server)
    (command.folder / "mend.py").write_text(MEND)
    redrive = ("dlq", "redrive", "--transform", "mend.py:shorter")
    code, out, errors = await command(*redrive)
    assert (code, errors) == (1, "")
    assert "5 would be sent, 1 failed" in out
    code, out, errors = await command(*redrive, "--yes", "--json")
    assert code == 1, errors
    done = json.loads(out)
    assert (done["sent"], done["failed"]) == (5, 1)
    [failure] = done["failures"]
    assert "mend.py:9: ValueError: this one can't be helped" in failure["reason"]
    totals = await command.json("run", "questions.csv")
    assert totals["counts"]["validated"] == len(TEXTS)
    asked = model_server.counts()
    assert asked["Shorter Question 0?"] == 1
    assert asked["Question 5?"] == 2, "a dead question that was left is asked anew by run"


async def test_beside_a_worker_everything_goes_through_it(
    command: Command, model_server: FakeModelServer
) -> None:
    await die(command, model_server)
    command.settings |= {"API_TOKEN": "a token of some length"}
    worker = await command.start("worker", "--http-port", "0")
    try:

        async def found() -> bool:
            assert worker.returncode is None
            return (command.folder / "data" / "engine.json").exists()

        await until(found, 60)
        assert (await command.json("dlq", "plan", "--since", "1h"))["planned"] == 6
        code, _, errors = await command("dlq", "redrive", "--yes", API_TOKEN="a wrong one entirely")
        assert code == 2, errors
        assert "ANSWERLOOP_API_TOKEN" in errors
        done = await command.json("dlq", "redrive", "--yes", "--cause", "unauthorized,forbidden")
        assert done["sent"] == 6

        async def answered() -> bool:
            return model_server.counts() == dict.fromkeys(TEXTS, 2)

        await until(answered, 60)
        assert (await command.json("dlq", "list"))["counts"] == []
        listed = await command.json("dlq", "list", "--state", "redriven")
        [shown] = await command.json("dlq", "show", listed["letters"][0]["origin"])
        assert shown["became_round"] == 1
        assert (await command("dlq", "show", "nowhere/0/1"))[0] == 3
        assert (await command.json("dlq", "redrives"))[0]["by"].count("@") == 1
        assert (await command.json("dlq", "purge", "--yes"))["purged"] == 6
    finally:
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await worker.communicate()


async def test_wrong_use_is_said_with_its_exit_code(command: Command) -> None:
    for arguments, code, words in [
        (("list", "--since", "soon"), 2, "--since"),
        (("list", "--state", "dead"), 2, "--state"),
        (("show", "nothing"), 3, "neither the origin"),
        (("redrive", "--transform", "nothing.py:f"), 2, "there is no file"),
        (("redrive", "--rate", "0"), 2, "--rate"),
    ]:
        found, out, errors = await command("dlq", *arguments)
        assert (found, out) == (code, ""), errors
        assert words in errors
        assert "Traceback" not in errors
    found, _, errors = await command("dlq", "list", DATABASE="postgresql://x@127.0.0.1:9/x")
    assert found == 4
    assert errors.splitlines()[1:] == [DOCTOR]

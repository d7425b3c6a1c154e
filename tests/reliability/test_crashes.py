"""Workers are killed, stopped, frozen; `run` is killed (C1 to C4, C6 of docs/reliability.md).

Each test plays a scenario of `answerloop chaos`: the checks with their limits stand there, and
the auditor is a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from tests.reliability.conftest import Play

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(420)]


async def test_c1_killed_workers_lose_nothing_and_double_nothing(play_scenario: Play) -> None:
    result = await play_scenario("kill-workers")
    assert result["figures"]["kills"] == 6
    assert result["audit"]["accepted"] >= 200
    await _the_auditor_sees_what_is_taken_away(result)


async def _the_auditor_sees_what_is_taken_away(result: dict[str, Any]) -> None:
    """A promise that nobody kept, a row that is gone, a call made again: each of them shows."""
    sources = orjson.loads(result["audit_file"].read_bytes())
    gone = await asyncio.to_thread(_doctor, sources)
    connection = await asyncpg.connect(sources["dsn"])
    try:
        await connection.execute("DELETE FROM questions WHERE question_id = $1", gone)
    finally:
        await connection.close()
    seen = await asyncio.to_thread(_audit, result["audit_file"])
    before = result["audit"]
    assert seen["accepted"] == before["accepted"] + 1
    assert seen["lost"] == 2
    assert seen["repeated_calls"] >= before["repeated_calls"] + 1


def _doctor(sources: dict[str, str]) -> str:
    """Promise one question more, call for one again; return another, whose row is to go."""
    ledger, calls = Path(sources["ledger"]), Path(sources["calls"])
    accepted = [orjson.loads(line) for line in ledger.read_bytes().splitlines()]
    broken = {**accepted[0], "question_id": "nobody-knows-it", "key": "", "text": "Lost?"}
    made = [orjson.loads(line) for line in calls.read_bytes().splitlines()]
    again = next(call for call in made if call["text"] == accepted[1]["text"])
    with ledger.open("ab") as file:
        file.write(orjson.dumps(broken) + b"\n")
    with calls.open("ab") as file:
        file.write(orjson.dumps({**again, "id": "again", "status": 200}) + b"\n")
    return str(next(q["question_id"] for q in accepted[2:] if q["expected"] == "unscored"))


def _audit(file: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "app.chaos.audit", str(file)],
        capture_output=True,
        check=True,
        timeout=100,
    )
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


async def test_c2_ten_rolling_restarts_repeat_no_call(play_scenario: Play) -> None:
    result = await play_scenario("rolling-restarts", workers=2)
    assert result["figures"]["restarts"] == 10
    assert result["audit"]["repeated_calls"] == 0


async def test_c3_a_frozen_worker_that_comes_back_overwrites_nothing(play_scenario: Play) -> None:
    result = await play_scenario("freeze-worker")
    assert result["figures"]["changed_rows"] == 0


async def test_c4_workers_that_are_killed_faster_than_they_start(play_scenario: Play) -> None:
    result = await play_scenario("kill-storm")
    assert result["figures"]["kills"] == 20


async def test_c6_a_run_that_is_killed_again_and_again_finishes(play_scenario: Play) -> None:
    result = await play_scenario("embedded-kills")
    assert result["figures"]["kills"] == 20
    assert result["figures"]["result_rows"] == result["figures"]["questions"]


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name", ["kill-workers", "rolling-restarts", "freeze-worker", "kill-storm"]
)
async def test_c1_to_c4_for_long(play_scenario: Play, name: str) -> None:
    await play_scenario(name, long=True)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_c6_a_hundred_kills(play_scenario: Play) -> None:
    result = await play_scenario("embedded-kills", long=True)
    assert result["figures"]["kills"] == 100

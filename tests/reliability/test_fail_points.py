"""C5: a worker dies, stumbles or hangs at each point of a call's way; the counts are exact."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.reliability.fail_point_worker import POINTS
from tests.reliability.pipeline import contents

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(420)]

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 60

#: Model calls in all: a reply that was lost with its worker is asked for again, nothing else is.
CALLS_AFTER_A_CRASH = dict.fromkeys(POINTS, 1) | {"model_reply": 2}
#: A defect dead-letters its question; before the call there was none, after it there is no second.
CALLS_AFTER_A_DEFECT = dict.fromkeys(POINTS, 1) | {"after_consume": 0, "ledger_claim": 0}
#: Starts in the ledger: a claim whose worker died may have been a payment.
STARTS_AFTER_A_CRASH = dict.fromkeys(POINTS, 1) | {"ledger_claim": 2, "model_reply": 2}


async def _run(folder: Path, dsn: str, mode: str) -> int:
    """Run a worker to its end; one that hangs is killed soon after it said so."""
    given = json.dumps({"folder": str(folder), "dsn": dsn, "mode": mode})
    marks = _marks(folder)
    with (folder / "worker.log").open("ab") as log:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.reliability.fail_point_worker",
            given,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    ending = asyncio.ensure_future(worker.wait())
    deadline = time.monotonic() + RUN_SECONDS
    while not ending.done() and time.monotonic() < deadline:
        await asyncio.wait({ending}, timeout=0.2)
        new = _marks(folder) - marks
        if mode == "hang" and new and not ending.done():
            await asyncio.wait({ending}, timeout=0.5)  # it hangs, and does nothing else meanwhile
            if worker.returncode is None:
                worker.kill()
            await ending
    if not ending.done():
        worker.kill()
        await ending
        raise AssertionError((folder / "worker.log").read_text()[-3000:])
    return await ending


def _marks(folder: Path) -> set[str]:
    """Return the points that have failed."""
    return {mark.stem for mark in folder.glob("*.mark")} & set(POINTS)


async def _until_done(folder: Path, dsn: str, mode: str) -> int:
    """Start workers until one comes to its end; return how many failed."""
    for failed in range(len(POINTS) + 1):
        if await _run(folder, dsn, mode) == 0:
            return failed
    raise AssertionError((folder / "worker.log").read_text()[-3000:])


async def _ledger(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT question_id, claims, outcome FROM attempts")
        return {row["question_id"]: row for row in rows}
    finally:
        await connection.close()


def _calls(folder: Path) -> dict[str, int]:
    log = folder / "calls.log"
    made = Counter(line.removesuffix("?") for line in log.read_text().splitlines())
    return {point: made[point] for point in POINTS}


@pytest.mark.parametrize("mode", ["kill", "hang"])
async def test_c5_a_worker_that_ends_at_any_point_costs_the_calls_it_lost(
    postgres_dsn: str, tmp_path: Path, mode: str
) -> None:
    failed = await _until_done(tmp_path, postgres_dsn, mode)
    assert failed == len(POINTS), "it failed once at each point"
    rows = await contents(postgres_dsn)
    assert [(row[0], row[1]) for row in rows["questions"]] == sorted(
        (point, "validated") for point in POINTS
    )
    assert rows["dead_letters"] == []
    assert _calls(tmp_path) == CALLS_AFTER_A_CRASH
    ledger = await _ledger(postgres_dsn)
    assert {point: row["claims"] for point, row in ledger.items()} == STARTS_AFTER_A_CRASH
    assert {row["outcome"] for row in ledger.values()} == {"answered"}


async def test_c5_a_defect_at_any_point_costs_one_question_and_no_second_call(
    postgres_dsn: str, tmp_path: Path
) -> None:
    assert await _until_done(tmp_path, postgres_dsn, "raise") == 0, "no worker ended"
    rows = await contents(postgres_dsn)
    ends = {row[0]: row[1] for row in rows["questions"]}
    assert ends.keys() == set(POINTS)
    # An answer that was published before the defect may still come first.
    published = {"publish", "before_acknowledge"}
    assert {ends[point] for point in set(POINTS) - published} == {"dead"}
    assert {ends[point] for point in published} <= {"dead", "validated"}
    assert len(rows["dead_letters"]) == len(POINTS)
    assert _calls(tmp_path) == CALLS_AFTER_A_DEFECT

"""`ratings consume`: from where the last run ended, checked and added up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.data_dir.consumer_files import consumer_file
from app.errors import BrokerUnavailable
from app.transports.embedded.sqlite import SqliteStorage
from tests.cli.ratings_command import RatingsCommand, ratings_command
from tests.flow.engine import poll

QUICK = ("--timeout", "0.3")


@pytest.fixture
def ratings(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RatingsCommand]:
    with ratings_command(capfd, monkeypatch, DATA_DIR=str(tmp_path / "data")) as command:
        yield command


def test_what_was_sent_is_read_checked_and_added_up(ratings: RatingsCommand) -> None:
    sent = ratings.json("produce", "--count", "2000", "--bad", "0.1")
    found = ratings.json("consume", *QUICK)
    assert found["read"] == 2000
    assert found["rejected"] == sent["expected"]["rejected"]
    assert found["valid"] == sent["expected"]["valid"] == sum(found["by_rating"].values())
    assert len(found["by_rating"]) == 10
    assert 3.0 < found["mean"] < 4.0
    assert found["lag"] == dict.fromkeys("012345", 0)
    assert sum(found["positions"].values()) == 2000
    assert {sample["rule"] for sample in found["samples"]} <= set(found["rejected"])
    assert found["first_timestamp"] < found["last_timestamp"]


def test_the_next_run_goes_on_and_reset_begins_anew(ratings: RatingsCommand) -> None:
    ratings.json("produce", "--count", "300")
    assert ratings.json("consume", *QUICK)["read"] == 300
    assert ratings.json("consume", *QUICK)["read"] == 0
    ratings.json("produce", "--count", "50", "--seed", "2")
    assert ratings.json("consume", *QUICK)["read"] == 50
    assert ratings.json("consume", *QUICK, "--reset")["read"] == 350
    assert ratings.json("consume", *QUICK)["read"] == 0
    assert ratings.json("consume", *QUICK, "--group", "another one/../x")["read"] == 350


def test_no_more_than_wanted_are_read_and_none_is_left_out(ratings: RatingsCommand) -> None:
    ratings.json("produce", "--count", "300")
    reads = [ratings.json("consume", *QUICK, "--max-messages", "120") for _ in range(4)]
    assert [found["read"] for found in reads] == [120, 120, 60, 0]
    lags = [sum(found["lag"].values()) for found in reads]
    assert lags == [180, 60, 0, 0]


def test_a_running_engine_is_not_disturbed(ratings: RatingsCommand, tmp_path: Path) -> None:
    ratings.json("produce", "--count", "100")
    storage = SqliteStorage(tmp_path / "data" / "log")
    try:
        assert ratings.json("consume", *QUICK)["read"] == 100
        assert storage.groups() == []
    finally:
        storage.close()


def test_the_offsets_are_in_a_private_file(ratings: RatingsCommand, tmp_path: Path) -> None:
    ratings.json("produce", "--count", "100")
    ratings.json("consume", *QUICK, "--group", "mine")
    file = consumer_file(tmp_path / "data", "mine")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sum(json.loads(file.read_text())["ratings"].values()) == 100
    file.write_text("{")
    assert "remove it" in ratings.fails("consume", "--group", "mine", code=2)


def test_the_summary_shows_histogram_rejects_and_lag(ratings: RatingsCommand) -> None:
    ratings.json("produce", "--count", "1000", "--bad", "0.2")
    code, out, errors = ratings("consume", *QUICK, "--max-messages", "900")
    assert (code, errors) == (0, "")
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    rows = {row[0]: row[1:] for row in cells if row}
    assert rows["read"][0] == "900"
    assert any(row[-1] == "█" * 40 for row in rows.values())
    assert {"0.5", "5.0", "rejected", "users", "group"} <= set(rows)
    assert sum(int(rows[str(n)][1]) for n in range(6)) == 100


def test_without_the_topic_it_says_what_makes_it(ratings: RatingsCommand) -> None:
    for command in ("consume", "fit"):
        errors = ratings.fails(command, code=3)
        assert "answerloop ratings produce makes it" in errors


def test_offsets_that_can_not_be_kept_are_said_below_what_was_read(
    ratings: RatingsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise BrokerUnavailable("the offsets were not committed")

    ratings.json("produce", "--count", "100")
    monkeypatch.setattr("app.ratings.reading.LogGroup.commit", away)
    assert ratings.json("consume", *QUICK, code=4)["read"] == 100
    assert "the offsets were not committed" in ratings("consume", *QUICK)[2]


async def test_ctrl_c_prints_what_was_read_and_the_next_run_goes_on(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    await asyncio.to_thread(ratings.json, "produce", "--count", "200")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli.main", "ratings", "consume", "--timeout", "0", "--json"),
        env={**os.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    file = consumer_file(tmp_path / "data", "answerloop-ratings-consume")

    async def committed() -> bool:
        assert process.returncode is None
        return file.exists() and sum(json.loads(file.read_text())["ratings"].values()) == 200

    try:
        await poll(committed, 60)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 130, errors
    found = json.loads(out)
    assert (found["read"], found["interrupted"]) == (200, True)
    assert (await asyncio.to_thread(ratings.json, "consume", *QUICK))["read"] == 0

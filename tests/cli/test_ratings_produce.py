"""`ratings produce`: onto the embedded log, from a seed or a file, at a rate, by every way."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from app.cli.main import DOCTOR
from app.core.ratings.events import RatingLimits, Refusal
from app.factory import create_ratings_app
from app.ratings.senders import partition_of
from app.settings import load_settings
from app.transports import RawRecord, storage_for
from app.transports.embedded.reader import open_readonly
from app.transports.embedded.sqlite import SqliteStorage
from app.web.server import make_web_app
from app.wire.ratings import RatingReader
from tests.cli.ratings_command import RatingsCommand, ratings_command
from tests.flow.engine import poll
from tests.flow.ratings_stage import rating_ports

HEADER = "userId,movieId,rating,timestamp\n"


@pytest.fixture
def ratings(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RatingsCommand]:
    monkeypatch.chdir(tmp_path)
    with ratings_command(capfd, monkeypatch, DATA_DIR=str(tmp_path / "data")) as command:
        yield command


def on_the_log(folder: Path) -> list[RawRecord]:
    log = open_readonly(folder / "data" / "log")
    try:
        return [each for n in range(6) for each in log.read(("ratings", n), 0, 1_000_000)]
    finally:
        log.close()


def test_ratings_of_a_seed_are_on_the_log_under_their_users(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    found = ratings.json("produce", "--count", "2500", "--seed", "3")
    assert (found["sent"], found["acknowledged"], found["failed"]) == (2500, 2500, 0)
    assert found["expected"]["valid"] == 2500
    records = on_the_log(tmp_path)
    assert found["partitions"] == dict(Counter(str(each.partition) for each in records))
    assert all(each.partition == partition_of(each.key or b"", 6) for each in records)
    gate = RatingReader(RatingLimits(943, 1682))
    assert not [each for each in gate.read_all(records) if isinstance(each, Refusal)]


def test_the_same_seed_rates_the_same_movies_the_same(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    def rated() -> list[tuple[int, int, float]]:
        ratings.json("produce", "--count", "300", "--seed", "9", "--users", "50", "--movies", "40")
        records = on_the_log(tmp_path)
        events = [json.loads(each.value or b"") for each in records]
        return sorted((e["userId"], e["movieId"], e["rating"]) for e in events)

    first = rated()
    second = rated()
    assert second == sorted(first * 2)


def test_bad_and_repeated_ones_are_sent_on_purpose_and_counted(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    found = ratings.json("produce", "--count", "3000", "--bad", "0.1", "--repeats", "0.1")
    gate = RatingReader(RatingLimits())
    refused = [e for e in gate.read_all(on_the_log(tmp_path)) if isinstance(e, Refusal)]
    expected = found["expected"]
    assert dict(Counter(str(each.rule) for each in refused)) == expected["rejected"]
    assert len(refused) > 200
    assert expected["duplicate"] > 50
    assert expected["stale"] > 50
    parts = (expected["valid"], expected["duplicate"], expected["stale"], len(refused))
    assert sum(parts) == found["acknowledged"] == 3000


def test_good_rows_of_a_file_are_sent_and_bad_ones_kept_with_line_and_rule(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    rows = "7,32,3.5,1112486027\n1,2,9.5,1112486027\n8,32,4,1112486028\n,2,3,1112486027\n"
    (tmp_path / "ratings.csv").write_text(HEADER + rows)
    found = ratings.json("produce", "--file", "ratings.csv")
    assert (found["acknowledged"], found["rejected"]) == (2, {"rating": 1, "missing": 1})
    times = {each.key: json.loads(each.value or b"")["timestamp"] for each in on_the_log(tmp_path)}
    assert times == {b"7": 1_112_486_027_000, b"8": 1_112_486_028_000}
    with Path(found["rejects"]).open(newline="") as file:
        kept = list(csv.DictReader(file))
    assert [(row["line"], row["reason"].split(":")[0]) for row in kept] == [
        ("3", "rating"),
        ("5", "missing"),
    ]
    code, out, errors = ratings("produce", "--file", "ratings.csv", "--strict")
    assert code == 1
    assert "acknowledged" in out
    assert "line 3: rating: rating 9.5" in errors
    assert "2 rows were rejected" in errors
    assert ratings.json("produce", "--file", "ratings.csv", "--count", "1")["sent"] == 1


def test_the_rate_is_kept(ratings: RatingsCommand) -> None:
    found = ratings.json("produce", "--count", "401", "--rate", "2000/s")
    assert found["seconds"] >= 0.2
    found = ratings.json("produce", "--count", "51", "--delay", "4")
    assert found["seconds"] >= 0.2


def test_the_summary_is_for_people_and_goes_to_stdout(ratings: RatingsCommand) -> None:
    code, out, errors = ratings("produce", "--count", "100", "--bad", "0.5")
    assert (code, errors) == (0, "")
    for word in ("acknowledged", "100", "bad on purpose", "latency", "p99", "partitions"):
        assert word in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rate", "5", "--delay", "5"], "not both"),
        (["--rate", "fast"], "fast is no rate"),
        (["--rate", "0"], "0 is no rate"),
        (["--count", "0"], "--count"),
        (["--bad", "0.7", "--repeats", "0.7"], "together at most 1"),
        (["--bad", "1.5"], "--bad"),
        (["--users", "200000"], "ANSWERLOOP_RATING_MAX_USER_ID"),
        (["--movies", "200000"], "ANSWERLOOP_RATING_MAX_MOVIE_ID"),
        (["--file", "x.csv", "--bad", "0.1"], "not for --file"),
        (["--file", "missing.csv"], "there is no file"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_sent(
    ratings: RatingsCommand, tmp_path: Path, options: list[str], words: str
) -> None:
    assert words in ratings.fails("produce", *options, code=2)
    assert not (tmp_path / "data").exists()


def test_a_memory_log_that_ends_with_the_command_is_refused(
    ratings: RatingsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_BROKER", "memory:")
    assert "ends with this command" in ratings.fails("produce", code=2)


def test_a_log_that_another_process_has_open_is_said_in_one_line(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    storage = SqliteStorage(tmp_path / "data" / "log")
    try:
        errors = ratings.fails("produce", code=4)
    finally:
        storage.close()
    assert "is in use by process" in errors
    assert errors.splitlines()[1:] == [DOCTOR]


def test_nobody_at_kafkas_address_is_said_in_one_line(
    ratings: RatingsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_BROKER", "kafka://127.0.0.1:9")
    for command in ("produce", "consume", "verify", "fit"):
        errors = ratings.fails(command, code=4)
        assert "no Kafka answers at 127.0.0.1:9" in errors
        assert errors.splitlines()[1:] == [DOCTOR]


async def test_a_running_engine_is_asked_to_take_them(
    ratings: RatingsCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_API_TOKEN", "a token of some length")
    settings = load_settings()
    app = create_ratings_app(settings, rating_ports())
    storage = storage_for(str(app.conf.broker[0]))
    storage.create_topic("ratings", 6, {})
    async with TestServer(make_web_app(None, settings, app.context)) as server:
        file = tmp_path / "data" / "engine.json"
        file.touch(mode=0o600)
        url = str(server.make_url("")).rstrip("/")
        file.write_text(json.dumps({"pid": os.getppid(), "url": url}))
        found = await asyncio.to_thread(ratings.json, "produce", "--count", "2300")
        assert (found["acknowledged"], url in found["broker"]) == (2300, True)
        errors = await asyncio.to_thread(ratings.fails, "produce", "--bad", "0.5", code=2)
        assert "takes valid ratings only: stop it, or leave out --bad" in errors
        monkeypatch.setenv("ANSWERLOOP_API_TOKEN", "a wrong one entirely")
        errors = await asyncio.to_thread(lambda: ratings("produce", "--count", "5")[2])
        assert "refused: send Authorization: Bearer" in errors
        assert "ANSWERLOOP_API_TOKEN" in errors
    ends = [storage.end(("ratings", n)) for n in range(6)]
    storage.close()
    assert sum(ends) == 2300
    assert found["partitions"] == {str(n): end for n, end in enumerate(ends) if end}


async def test_ctrl_c_stops_in_order_and_prints_what_was_sent(tmp_path: Path) -> None:
    environment = {**os.environ, "ANSWERLOOP_DATA_DIR": str(tmp_path / "data")}
    arguments = ("ratings", "produce", "--count", "1000000", "--rate", "500", "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli.main", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def some_are_there() -> bool:
        try:
            return len(on_the_log(tmp_path)) > 100
        except Exception:
            return False

    try:
        await poll(some_are_there, 60)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    found = json.loads(out)
    assert process.returncode == 130, errors
    assert found["interrupted"]
    assert found["sent"] == found["acknowledged"] == len(on_the_log(tmp_path))

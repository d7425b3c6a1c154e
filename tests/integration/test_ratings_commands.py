"""`answerloop ratings` on real Kafka: what is sent is there, once, under its key."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from app.broker.topic_admin import open_topic_admin
from app.cli.main import DOCTOR
from app.settings import load_settings
from tests.cli.ratings_command import RatingsCommand, ratings_command
from tests.servers import require
from tests.servers.kafka import KafkaServer, start_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

QUICK = ("--timeout", "1")


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:8]}."


@pytest.fixture
def ratings(
    kafka: KafkaServer,
    prefix: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RatingsCommand]:
    settings = {
        "BROKER": f"kafka://{kafka.bootstrap}",
        "TOPIC_PREFIX": prefix,
        "APP_ID": prefix[:-1],
        "DATA_DIR": str(tmp_path / "data"),
    }
    with ratings_command(capfd, monkeypatch, **settings) as command:
        yield command


def test_what_is_sent_is_read_and_the_group_goes_on_where_it_was(ratings: RatingsCommand) -> None:
    sent = ratings.json("produce", "--count", "20000", "--bad", "0.05", "--repeats", "0.05")
    assert (sent["acknowledged"], sent["failed"]) == (20_000, 0)
    assert len(sent["partitions"]) == 6
    first = ratings.json("consume", *QUICK, "--max-messages", "12345")
    second = ratings.json("consume", *QUICK)
    assert (first["read"], second["read"]) == (12_345, 7655)
    rejected = Counter(first["rejected"]) + Counter(second["rejected"])
    assert rejected == sent["expected"]["rejected"]
    assert sum(first["lag"].values()) == 7655
    assert second["lag"] == dict.fromkeys("012345", 0)
    assert second["positions"].items() <= sent["partitions"].items()
    assert ratings.json("consume", *QUICK, "--reset")["read"] == 20_000
    assert ratings.json("consume", *QUICK)["read"] == 0


async def test_events_lie_where_kafkas_own_producers_put_their_keys(
    ratings: RatingsCommand, kafka: KafkaServer, prefix: str
) -> None:
    sent = await asyncio.to_thread(
        ratings.json, "produce", "--count", "500", "--users", "40", "--rate", "5000"
    )
    assert sent["acknowledged"] == 500
    other = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await other.start()
    try:
        places = {}
        for user in range(1, 41):
            key = b"%d" % user
            found = await other.send_and_wait(f"{prefix}ratings", b"{}", key=key)
            places[key] = found.partition
    finally:
        await other.stop()
    read = await _read(kafka, f"{prefix}ratings")
    assert {(each.key, each.partition) for each in read} == set(places.items())


async def _read(kafka: KafkaServer, topic: str) -> list[Any]:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found: list[Any] = []
        async with asyncio.timeout(60):
            while len(found) < 540:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
        return found
    finally:
        await consumer.stop()


def test_verify_finds_nothing_wrong_and_leaves_nothing_behind(
    ratings: RatingsCommand, prefix: str
) -> None:
    found = ratings.json("verify", "--count", "3000", code=1)
    failed = {each["name"] for each in found["checks"] if not each["ok"]}
    assert failed == {f"topic {prefix}{name}" for name in ("ratings", "metrics", "recommendations")}
    settings = load_settings()

    async def there() -> set[str]:
        admin = await open_topic_admin(settings)
        try:
            return set(await admin.describe([f"{prefix}ratings-verify", f"{prefix}ratings"]))
        finally:
            await admin.close()

    assert asyncio.run(there()) == set()


def test_the_recommender_is_trained_on_the_topic(ratings: RatingsCommand) -> None:
    sent = ratings.json("produce", "--count", "4000", "--users", "60", "--bad", "0.05")
    found = ratings.json("fit", "--factors", "4", "--epochs", "2")
    assert found["rejected"] == sent["expected"]["rejected"]
    assert found["rmse"]["model"] < found["rmse"]["mean"]


async def test_a_broker_that_goes_ends_it_with_a_summary_and_exit_code_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = require(lambda: start_kafka(tmp_path / "kafka"))
    environment = {
        **os.environ,
        "ANSWERLOOP_BROKER": f"kafka://{server.bootstrap}",
        "ANSWERLOOP_DATA_DIR": str(tmp_path / "data"),
    }
    arguments = ("ratings", "produce", "--count", "10000000", "--rate", "2000", "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli.main", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(90):
            line = await process.stderr.readline()  # "10,000/10,000,000 2,000/s"
        if b"/10,000,000" not in line:
            pytest.fail((line + await process.stderr.read()).decode())
        server.kill()
        async with asyncio.timeout(120):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        server.stop()
    found = json.loads(out)
    assert process.returncode == 4, errors
    assert found["acknowledged"] > 0
    assert found["failed"] > 0
    assert found["sent"] == found["acknowledged"] + found["failed"]
    last, hint = errors.decode().strip().splitlines()[-2:]
    assert hint == DOCTOR
    assert f"did not acknowledge {found['failed']:,} of {found['sent']:,} events" in last
    assert b"Traceback" not in errors

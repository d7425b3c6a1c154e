"""The embedded log: damaged, held by a stranger, short of room, and its topics and groups."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.doctor.host import MIB
from app.doctor.machine import Room
from app.doctor.outcome import Status
from app.topics import all_topics
from app.transports import NewRecord
from app.transports.embedded.sqlite import SqliteStorage
from tests.doctor.looking import look, mends, site, type_in
from tests.doctor.test_host import Fake

_HOLD = """
import sys, time
from pathlib import Path
from app.transports.embedded.sqlite import SqliteStorage
log = SqliteStorage(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


async def _fill(folder: Path, records: int) -> None:
    log = SqliteStorage(folder, synchronous="OFF")
    log.create_topic("t", 1)
    for number in range(records):
        future = log.append(NewRecord("t", 0, b"k", b"%d" % number * 200))
    await future
    log.close()


async def test_a_damaged_log_is_found_and_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "data" / "log"
    await _fill(log, 2000)
    assert look(site(tmp_path), "log-integrity").status is Status.OK
    with (log / "log.sqlite").open("r+b") as file:
        file.seek(40 * 4096)
        file.write(b"\xff" * 20 * 4096)
    found = look(site(tmp_path), "log-integrity")
    assert found.status is Status.PROBLEM
    assert "damaged" in found.seen
    [mend] = mends(found, "command")
    type_in(mend, tmp_path)
    assert (tmp_path / "data" / "log.damaged" / "log.sqlite").exists()
    SqliteStorage(log).close()  # as the next start makes it
    assert look(site(tmp_path), "log-integrity").status is Status.OK


def test_a_log_of_another_format_is_found(tmp_path: Path) -> None:
    log = SqliteStorage(tmp_path / "data" / "log")
    log._writing.execute("PRAGMA user_version = 77")
    log.close()
    found = look(site(tmp_path), "log-integrity")
    assert (found.status, "format 77" in found.seen) == (Status.PROBLEM, True)


def test_a_process_that_holds_the_log_without_an_engine_is_found_and_ended(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "log"
    SqliteStorage(folder).close()
    (tmp_path / "data" / "engine.json").write_text(
        '{"pid": 999999999, "url": "http://127.0.0.1:1"}'
    )
    nobody = look(site(tmp_path), "log-owner")
    assert (nobody.status, "killed" in nobody.seen) == (Status.OK, True)
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            found = look(site(tmp_path), "log-owner")
            assert found.status is Status.WARNING
            assert str(holder.pid) in found.seen
            [mend] = mends(found, "command")
            type_in(mend, tmp_path)
            holder.wait(30)
        finally:
            holder.kill()
    assert look(site(tmp_path), "log-owner").status is Status.OK


def test_a_full_disk_beside_the_log_is_found(tmp_path: Path) -> None:
    SqliteStorage(tmp_path / "data" / "log").close()
    at = site(tmp_path)
    at.machine = Fake(room=Room(30 * MIB, 9000 * MIB))
    assert look(at, "log-space").status is Status.PROBLEM
    assert look(site(tmp_path), "log-space").status is Status.OK


def test_missing_topics_are_found_and_created(tmp_path: Path) -> None:
    found = look(site(tmp_path), "topics")
    assert (found.status, mends(found, "command")) == (
        Status.WARNING,
        ["answerloop topics create"],
    )
    settings = site(tmp_path).settings
    type_in(mends(found, "command")[0], tmp_path, settings)
    assert look(site(tmp_path), "topics").status is Status.OK
    for name in ("topic-partitions", "topic-retention", "topic-changelogs"):
        assert look(site(tmp_path), name).status is Status.OK
    fewer = look(site(tmp_path, partitions=4), "topic-partitions")
    assert fewer.status is Status.PROBLEM
    assert mends(fewer, "setting") == ["ANSWERLOOP_PARTITIONS=8"]
    assert look(site(tmp_path, partitions=8), "topic-partitions").status is Status.OK


async def test_work_that_nobody_does_and_an_earlier_prefix_are_found(tmp_path: Path) -> None:
    settings = site(tmp_path).settings
    log = SqliteStorage(tmp_path / "data" / "log", synchronous="OFF")
    for spec in all_topics(settings):
        log.create_topic(spec.name, spec.partitions, spec.config)
    log.create_topic("old-llm-requests", 1)
    await log.append(NewRecord("llm-requests", 0, b"k", b"v"))
    await log.commit("answerloop-questions", {("llm-requests", 0): 0})
    log.close()
    found = look(site(tmp_path), "consumer-groups")
    assert found.status is Status.WARNING
    assert "1 records wait, and nobody is in the group" in found.seen
    assert mends(found, "command") == ["answerloop worker"]
    log = SqliteStorage(tmp_path / "data" / "log", synchronous="OFF")
    await log.commit("answerloop-questions", {("llm-requests", 0): 1})
    log.close()
    assert look(site(tmp_path), "consumer-groups").status is Status.OK
    log = SqliteStorage(tmp_path / "data" / "log", synchronous="OFF")
    await log.commit("answerloop-questions", {("old-llm-requests", 0): 0})
    log.close()
    assert "old-llm-requests" in look(site(tmp_path), "consumer-groups").seen


def test_a_topic_of_the_ratings_with_other_partitions_is_found(tmp_path: Path) -> None:
    log = SqliteStorage(tmp_path / "data" / "log", synchronous="OFF")
    log.create_topic("ratings", 2)
    log.close()
    found = look(site(tmp_path), "topic-partitions")
    assert (found.status, found.seen) == (
        Status.PROBLEM,
        "ratings has 2 partitions, not 6",
    )
    assert "ANSWERLOOP_TOPIC_PREFIX=new-" in mends(found, "setting")
    assert look(site(tmp_path, pipelines="questions"), "topic-partitions").status is Status.SKIPPED

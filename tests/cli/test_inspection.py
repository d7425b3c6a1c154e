"""`topics`, `groups` and `trace` as an operator uses them, on an embedded log."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.core.questions import timestamp
from app.data_dir.consumer_files import write_offsets
from app.transports.embedded.sqlite import SqliteStorage
from app.transports.embedded.storage import murmur2_partition
from tests.cli.inspection_command import TOPIC, Cli, append, commit, make_log, settled

GROUP = "answerloop-questions"
COMMAND = (sys.executable, "-m", "app.cli.main")


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "data"))
    loggers = [logging.getLogger(name) for name in (None, "aiokafka")]
    before = [(each.handlers[:], each.level) for each in loggers]
    yield Cli(capfd)
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
    structlog.reset_defaults()


def place(key: bytes) -> str:
    return f"{TOPIC}/{murmur2_partition(key, 8)}"


def test_topics_are_listed_with_messages_and_bytes(cli: Cli, tmp_path: Path) -> None:
    absent = {row["topic"]: row for row in cli.json("topics", "list")}
    assert absent[TOPIC]["partitions"] is None
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("a"), settled("b"))
    rows = {row["topic"]: row for row in cli.json("topics", "list")}
    assert (rows[TOPIC]["messages"], rows[TOPIC]["partitions"], rows[TOPIC]["low"]) == (3, 8, 0)
    assert rows[TOPIC]["bytes"] == sum(len(k) + len(v) for k, v in 2 * [settled("a")]) + sum(
        len(part) for part in settled("b")
    )
    assert rows["ratings"]["messages"] == 0
    shown = cli.json("topics", "describe", TOPIC)
    assert sum(row["messages"] for row in shown["layout"]) == 3
    assert shown["config"]["retention.ms"] == "604800000"
    assert "no topic nope" in cli.fails("topics", "describe", "nope", code=3)


def test_a_tail_prints_decoded_lines_json_and_formats(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("b", "dead"), (b"bad\x1b[2J", b"\xff\x1b]0;x\x07"))
    code, out, errors = cli("topics", "tail", TOPIC, "-e")
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()] == ["a", "b", r"bad\x1b[2J"]
    assert "UNDECODABLE" in out.splitlines()[2]
    assert "\x1b" not in out
    assert "3 shown of 3 read, 1 undecodable" in errors
    code, out, _ = cli("topics", "tail", TOPIC, "-e", "-J", "--filter", "status=dead")
    [row] = [json.loads(line) for line in out.splitlines()]
    assert (row["key"], row["payload"]["status"]) == ("b", "dead")
    size = len(settled("a")[1])
    assert cli("topics", "tail", TOPIC, "-e", "-c", "1", "-f", r"%k,%S\n")[1] == f"a,{size}\n"
    assert cli("topics", "tail", TOPIC, "-e", "--key", "b", "--raw")[1].encode() == (
        settled("b", "dead")[1] + b"\n"
    )


def test_wrong_use_of_tail_is_said_with_its_exit_code(cli: Cli, tmp_path: Path) -> None:
    assert "no log" in cli.fails("topics", "tail", TOPIC, "-e", code=4)
    make_log(tmp_path)
    assert "nope" in cli.fails("topics", "tail", "nope", "-e", code=3)
    for arguments, words in [
        (("-o", "middle"), "no offset"),
        (("-p", "8"), "partitions 0 to 7"),
        (("--from-time", "soon"), "--from-time"),
        (("--filter", "x"), "no condition"),
        (("-f", "%z"), "none of %t"),
        (("-f", "%s", "-J"), "exclude"),
        (("--raw", "--bad"), "--raw"),
    ]:
        assert words in cli.fails("topics", "tail", TOPIC, "-e", *arguments, code=2)


def test_verify_finds_what_does_not_fit_or_lies_wrong(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("b"))
    found = cli.json("topics", "verify")
    assert (found["ok"], found["unequal_partitions"]) == (True, None)
    assert {row["topic"]: row["messages"] for row in found["topics"]}[TOPIC] == 2

    append(tmp_path, (b"c", b"{"))
    [row] = cli.json("topics", "verify", TOPIC, code=1)["topics"]
    assert (row["messages"], row["undecodable"], row["misplaced"]) == (3, 1, 0)
    assert row["first_bad"]["partition"] == murmur2_partition(b"c", 8)
    assert "truncated" in row["first_bad"]["reason"]
    code, out, _ = cli("topics", "verify", TOPIC)
    assert code == 1
    assert "WRONG" in out
    assert place(b"c") in out
    assert "nope" in cli.fails("topics", "verify", "nope", code=3)


def test_verify_finds_a_key_on_another_partition(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    right = murmur2_partition(b"a", 8)
    append(tmp_path, settled("a"), partition=(right + 1) % 8)
    [row] = cli.json("topics", "verify", TOPIC, code=1)["topics"]
    assert (row["undecodable"], row["misplaced"]) == (0, 1)
    assert row["first_bad"]["reason"] == f"its key belongs on partition {right}"


def test_verify_finds_other_partitions_and_absent_topics(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_log(tmp_path, only=(TOPIC, "llm-requests"))
    monkeypatch.setenv("ANSWERLOOP_PARTITIONS", "4")
    make_log(tmp_path, only=("dead-letters",))
    found = cli.json("topics", "verify", code=1)
    rows = {row["topic"]: row for row in found["topics"]}
    assert rows["dead-letters"]["ok"]
    assert rows[TOPIC]["differences"] == ["partitions: 8, not 4"]
    assert not rows["retries-due"]["there"]
    assert found["unequal_partitions"] == "most have 8 partitions, but: dead-letters 4"


def test_groups_are_described_with_lag(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    assert "no group" in cli.fails("groups", "describe", code=3)
    append(tmp_path, settled("a"), settled("a"))
    partition = murmur2_partition(b"a", 8)
    commit(tmp_path, GROUP, {(TOPIC, partition): 1})
    [group] = cli.json("groups", "describe")
    [row] = group["partitions"]
    assert (group["group"], group["state"]) == (GROUP, "Empty")
    assert (row["current_offset"], row["log_end_offset"], row["lag"]) == (1, 2, 1)
    assert row["oldest_at"] is not None
    assert row["oldest_at"] <= (timestamp(2e9) or "")
    _, out, _ = cli("groups", "describe", GROUP)
    header = "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID"
    assert out.splitlines()[1].split() == [*header.split(), "OLDEST"]
    [listed] = cli.json("groups", "list")
    assert (listed["lag"], listed["ours"]) == (1, True)
    assert "nobody" in cli.fails("groups", "describe", "nobody", code=3)


def test_a_group_of_ratings_consume_is_listed_and_set_beside_an_engine(
    cli: Cli, tmp_path: Path
) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("a"))
    partition = murmur2_partition(b"a", 8)
    write_offsets(tmp_path / "data", "mi-año", {TOPIC: {str(partition): 2}, "gone": {"0": 7}})
    [listed] = cli.json("groups", "list")
    assert (listed["group"], listed["state"], listed["lag"]) == ("mi-año", "Empty", 0)
    assert (listed["topics"], listed["ours"]) == (2, False)
    reset = ("groups", "reset", "mi-año", "--to", "1", "--topic", TOPIC)
    engine = SqliteStorage(tmp_path / "data" / "log")
    try:
        assert not cli.json(*reset, "--partition", str(partition), "--yes")["dry_run"]
        assert engine.groups() == []
    finally:
        engine.close()
    found = {
        row["topic"]: row["late"]
        for row in cli.json("groups", "lag", "mi-año")["groups"][0]["topics"]
    }
    assert found == {TOPIC: 1, "gone": 0}


def test_without_the_database_the_lag_of_the_topics_is_told_alone(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"))
    commit(tmp_path, GROUP, {(TOPIC, murmur2_partition(b"a", 8)): 0})
    code, out, errors = cli("groups", "lag", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["groups"][0]["late"] == 1
    assert found["waiting"] is None
    assert "no database" in found["problem"]
    assert "what waits by design is not known" in errors


def test_a_reset_shows_its_plan_and_is_refused_while_an_engine_has_the_log(
    cli: Cli, tmp_path: Path
) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("a"), settled("a"))
    partition = murmur2_partition(b"a", 8)
    commit(tmp_path, GROUP, {(TOPIC, partition): 2})
    reset = ("groups", "reset", GROUP, "--to", "earliest", "--topic", TOPIC)
    reset += ("--partition", str(partition))
    code, out, errors = cli(*reset)
    assert code == 0
    assert "1 offsets would be set: 2 records again, 0 skipped" in out
    assert "nothing was changed" in errors

    def committed() -> int:
        return int(cli.json("groups", "describe")[0]["partitions"][0]["current_offset"])

    assert committed() == 2
    engine = SqliteStorage(tmp_path / "data" / "log")
    try:
        assert "is in use by process" in cli.fails(*reset, "--yes", code=1)
    finally:
        engine.close()
    assert committed() == 2
    assert not cli.json(*reset, "--yes")["dry_run"]
    assert committed() == 0
    skip = ("groups", "reset", GROUP, "--to", "latest", "--topic", TOPIC)
    assert "stay unanswered" in cli(*skip, "--partition", str(partition))[2]
    for arguments, code, words in [
        (("--to", "sometime"), 2, "--to"),
        (("--to", "latest", "--partition", "1"), 2, "--topic"),
        (("--to", "latest", "--topic", TOPIC, "--partition", "9"), 2, "no partition 9"),
        (("--to", "latest", "--topic", "nope"), 3, "nope"),
        (("--to", "latest", "--yes", "--dry-run"), 2, "exclude"),
    ]:
        assert words in cli.fails("groups", "reset", GROUP, *arguments, code=code)
    assert "no group" in cli.fails("groups", "reset", "nobody", "--to", "latest", code=3)


def test_a_trace_tells_what_one_side_knows(cli: Cli, tmp_path: Path) -> None:
    assert "not all could be asked" in cli.fails("trace", "a", code=4)
    make_log(tmp_path)
    append(tmp_path, settled("a"), (b"a", b"\x1b[2J"))
    code, out, errors = cli("trace", "a")
    assert (code, errors.count("not asked: database")) == (0, 1)
    assert "\x1b" not in out
    shown = cli.json("trace", "a")
    assert [hop["what"] for hop in shown["hops"]] == ["settled", "unreadable"]
    assert shown["status"] == "validated"
    assert "not all could be asked" in cli.fails("trace", "b", code=4)


def test_a_reader_that_has_enough_ends_a_tail_cleanly(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    append(tmp_path, *[settled(f"q{n}") for n in range(3000)])
    tail = subprocess.Popen(
        [*COMMAND, "topics", "tail", TOPIC], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert tail.stdout is not None
    assert tail.stderr is not None
    tail.stdout.readline()
    tail.stdout.close()
    assert tail.wait(60) == 0
    assert tail.stderr.read() == b""
    tail.stderr.close()


def test_ctrl_c_ends_a_tail_with_its_totals(cli: Cli, tmp_path: Path) -> None:
    make_log(tmp_path)
    append(tmp_path, settled("a"), settled("b"))
    follow = subprocess.Popen(
        [*COMMAND, "topics", "tail", TOPIC, "-f", r"%k\n"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert follow.stdout is not None
        assert [follow.stdout.readline(), follow.stdout.readline()] == [b"a\n", b"b\n"]
        follow.send_signal(signal.SIGINT)
        _, errors = follow.communicate(timeout=60)
    finally:
        if follow.returncode is None:
            follow.kill()
    assert follow.returncode == 130
    assert b"2 shown of 2 read" in errors
    assert b"Traceback" not in errors

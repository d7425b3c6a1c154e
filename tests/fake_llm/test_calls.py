"""The call log: a file that an auditor can read after anything was killed."""

from __future__ import annotations

import json
from pathlib import Path

from app.fake_llm.calls import CallLog, read_calls
from app.fake_llm.steps import Call


def a_call(question: str) -> Call:
    return Call(question, question, 100.0, "ollama", "smol", 0.0, 1, 512, None, "Bearer secret")


def test_a_call_is_on_disk_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    log = CallLog(file)
    log.open()
    call = a_call("Why?")
    log.begin(call)
    assert [(c.question, c.outcome, c.ended) for c in read_calls(file)] == [("Why?", "open", None)]
    log.end(call, "answered", 200)
    (found,) = read_calls(file)
    assert (found.id, found.outcome, found.status) == (call.id, "answered", 200)
    assert found.ended == call.ended is not None
    assert len(file.read_bytes().splitlines()) == 2


def test_a_line_that_a_kill_has_cut_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    log = CallLog(file)
    log.open()
    log.begin(a_call("Why?"))
    whole = file.read_bytes()
    log.end(log.kept[0], "answered", 200)
    for size in range(len(whole), file.stat().st_size - 1, 7):
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(file.read_bytes()[:size])
        assert [call.outcome for call in read_calls(cut)] == ["open"]


def test_several_processes_append_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    for _ in range(3):
        log = CallLog(file)
        log.open()
        log.begin(a_call("Why?"))
        log.close()
    assert len({call.id for call in read_calls(file)}) == 3


def test_only_the_first_end_counts_and_the_key_is_never_written(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    log = CallLog(file)
    log.open()
    call = a_call("Why?")
    log.begin(call)
    log.end(call, "left")
    log.end(call, "answered", 200)
    assert read_calls(file)[0].outcome == "left"
    assert log.tally.document()["outcomes"] == {"left": 1}
    assert b"secret" not in file.read_bytes()
    assert json.loads(file.read_bytes().splitlines()[0])["authorization"] is True


def test_the_figures_count_all_calls_though_only_the_last_are_kept() -> None:
    log = CallLog(keep=10)
    for number in range(100):
        log.begin(a_call(f"{number % 50}"))
        log.end(log.kept[-1], "answered", 200)
    assert 10 <= len(log.kept) <= 20
    figures = log.tally.document()
    assert (figures["calls"], figures["questions"], figures["repeated"]) == (100, 50, 50)
    found, following = log.since(95)
    assert [call.question for call in found] == ["45", "46", "47", "48", "49"]
    assert following == 100
    assert log.since(100) == ([], 100)


def test_what_is_forgotten_leaves_open_calls_open() -> None:
    log = CallLog()
    log.begin(a_call("Why?"))
    call = log.kept[0]
    log.clear()
    assert (log.tally.calls, log.tally.in_flight) == (0, 1)
    log.end(call, "answered", 200)
    assert log.tally.in_flight == 0

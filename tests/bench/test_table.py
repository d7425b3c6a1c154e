"""The table of a run, from a recorded one: as text, in docs/benchmarks.md, and from JSON again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench.catalogue import BENCHES
from bench.goals import read_goals
from bench.machine import busy, machine
from bench.results import Ran, Row, as_json, from_json, rows_of
from bench.table import BEGIN, END, cells, markdown, verdict, write_block
from tests.bench.recorded import RAW

ABOUT: dict[str, Any] = {
    "command": "python -m bench",
    "quick": False,
    "started_at": "2026-01-02T03:04:05+00:00",
    "seconds": 1230.0,
    "machine": {
        **{"cpu": "EPYC", "cores": 2, "memory_gib": 24.0, "system": "Linux 6", "python": "3.11.7"},
        **{"load": [0.1, 0.2, 0.3], "packages": {"torch": "2.1", "onnxruntime": None}},
    },
    "code": {"commit": "abcdef0123", "changed": False},
}
RAN = [Ran(each.name, f"python -m bench.{each.name}", "done", 1.5, raw={}) for each in BENCHES]
LEFT_OUT = Ran("load", "python -m bench.load", "left out", reason="the time is over")


def all_rows() -> list[Row]:
    goals = read_goals()
    return [row for each in BENCHES for row in rows_of(each.name, each.read(RAW[each.name]), goals)]


def row_of(name: str) -> tuple[str, ...]:
    return next(found for found in map(cells, all_rows()) if found[0].startswith(name))


def test_a_row_tells_measured_peer_ratio_goal_and_whether_it_is_met() -> None:
    assert row_of("whole pipeline, Kafka") == (
        *("whole pipeline, Kafka, 1000 questions, model 0.2 s", "8.5 s", "7.2 (script)", "1.18"),
        *("<= 1.15x", "not met"),
    )
    assert row_of("HTTP post to stored row, p50")[-2:] == ("<= 60 ms", "met")
    assert row_of("load generator")[-2:] == ("-", "")
    assert row_of("transport log, append")[2:4] == ("-", "-")


def test_a_run_survives_json() -> None:
    kept = json.loads(json.dumps(as_json(ABOUT, [*RAN, LEFT_OUT], all_rows())))
    about, ran, rows = from_json(kept)
    assert (about, ran, rows) == (ABOUT, [*RAN, LEFT_OUT], all_rows())
    assert kept["figures"][0]["ratio"] == 2.18


def test_json_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="python -m bench --json"):
        from_json({"figures": [], "benches": [{"name": "scorer", "speed": 3}]})


def test_the_page_says_on_what_and_what_is_missing() -> None:
    text = markdown(ABOUT, [*RAN, LEFT_OUT], all_rows())
    assert "`python -m bench`, 2026-01-02" in text
    assert "2 cores of EPYC, 24.0 GiB" in text
    assert "abcdef0123; Python 3.11.7, torch 2.1" in text
    assert "onnxruntime" not in text
    assert "Not measured: `load` (left out)" in text
    assert text.count("\n| ") == 2 + len(all_rows())
    assert verdict(all_rows()) in text


def test_a_busy_machine_is_told() -> None:
    loaded = {**ABOUT["machine"], "load": [3.0, 1.0, 1.0]}
    assert busy(loaded)
    assert not busy(ABOUT["machine"])
    assert "other programs were at work" in markdown({**ABOUT, "machine": loaded}, RAN, [])


def test_the_block_of_a_page_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter ñ\n", encoding="utf-8")
    write_block(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n{END}\nafter ñ\n"


@pytest.mark.parametrize(
    "text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"]
)
def test_a_page_without_its_marks_is_left_alone(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="needs one line"):
        write_block(page, "new")
    assert page.read_text() == text


def test_the_shipped_page_has_its_marks(tmp_path: Path) -> None:
    copy = tmp_path / "benchmarks.md"
    copy.write_text(command.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    write_block(copy, "new")


def test_a_kept_run_is_written_into_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    page.write_text(f"{BEGIN}\n{END}\n")
    kept.write_text(json.dumps(as_json(ABOUT, [*RAN, LEFT_OUT], all_rows())))
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["bench", "--from", str(kept), "--write"])
    assert command.main() == 1, "one bench was left out"
    assert markdown(ABOUT, [*RAN, LEFT_OUT], all_rows()) in page.read_text()
    shown = capsys.readouterr()
    assert "not met" in shown.out
    assert "load: left out: the time is over" in shown.err


@pytest.mark.parametrize(
    "wrong", [["--write", "--only", "load"], ["--from", "x", "--quick"], ["--budget", "0"]]
)
def test_options_that_do_not_go_together_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.parsed(wrong)
    assert stopped.value.code == 2


def test_the_facts_of_this_machine_are_found() -> None:
    found = machine()
    assert found["cores"] >= 1
    assert len(found["load"]) == 3
    assert found["packages"]["numpy"]

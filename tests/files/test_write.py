"""Results: CSV or JSONL, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import Attempt, StoredQuestion
from app.errors import InputError
from app.files import check_results_path, write_results
from app.files.write import COLUMNS


def result(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question_id": "6f0c",
        "status": "validated",
        "question_text": 'Say "hi",\nthen go',
        "original_answer": None,
        "answer": "=1+1",
        "precision": 0.5,
        "recall": 0.25,
        "f1": 1 / 3,
        "threshold": 0.75,
        "scorer": "m",
        "generation": 1,
        "cause": None,
        "attempts": [{"attempt": 1}, {"attempt": 2}],
        "accepted_at": "2026-01-01T00:00:00.000Z",
        "finished_at": "2026-01-01T00:00:01.000Z",
        "metadata": {"tema": "añil", "n": 1},
    }
    return row | changes


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_the_columns_in_order(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert write_results(path, [result()]) == 1
    (row,) = read_csv(path)
    assert tuple(row) == COLUMNS
    assert row["question_text"] == 'Say "hi",\nthen go'
    assert row["original_answer"] == row["cause"] == ""
    assert row["attempts"] == "2"
    assert float(row["f1"]) == 1 / 3
    assert json.loads(row["metadata"]) == {"tema": "añil", "n": 1}
    assert "añil" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_cells_that_a_sheet_may_take_for_formulas_are_not_changed(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "out.csv"
    write_results(path, [result(answer=text)])
    assert read_csv(path)[0]["answer"] == text


def test_jsonl_keeps_every_row_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out.JSONL"
    rows = [result(), result(round=1, answer="línea\u2028dos")]
    assert write_results(path, rows) == 2
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == rows


def test_a_stored_question_fits(tmp_path: Path) -> None:
    stored = StoredQuestion(
        question_id="a",
        status=Status.VALIDATED,
        question_text="Why?",
        original_answer="So.",
        model="m",
        turn=Turn(0, 1, 1),
        accepted_at=0.0,
        answer="So.",
        score=Score(1.0, 1.0, 1.0),
        scorer="minilm-l6:6",
        why="f1 1.000 >= 0.750",
        attempts=(
            Attempt(0, 1, 1, "m", 0.0, tokens=8, prompt_tokens=31),
            Attempt(0, 2, 1, "m", 1.0, tokens=5),
        ),
    )
    path = tmp_path / "out.csv"
    write_results(path, [stored.as_json()])
    assert set(COLUMNS) - set(stored.as_json()) == {"tokens", "prompt_tokens"}
    row = read_csv(path)[0]
    assert (row["f1"], row["rescaled"], row["why"]) == ("1.0", "false", "f1 1.000 >= 0.750")
    assert (row["metric"], row["library"]) == ("", "")
    assert (row["tokens"], row["prompt_tokens"]) == ("13", "31")
    assert [each.get("prompt_tokens") for each in stored.as_json()["attempts"]] == [31, None]


def test_no_rows_give_a_header_alone(tmp_path: Path) -> None:
    assert write_results(tmp_path / "out.csv", []) == 0
    assert (tmp_path / "out.csv").read_bytes() == ",".join(COLUMNS).encode() + b"\r\n"


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_when_the_rows_fail_the_old_file_stays_and_nothing_else(tmp_path: Path, name: str) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield result()
        raise ConnectionError("the store is gone")

    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(ConnectionError, match="the store is gone"):
        write_results(path, rows())
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_the_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def rows() -> Iterator[dict[str, Any]]:
        assert path.read_text() == "old"
        yield result()
        assert path.read_text() == "old"

    write_results(path, rows())
    assert len(read_csv(path)) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_a_link_stays_a_link_and_the_mode_is_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_results(tmp_path / "link.csv", [result()])
    assert (tmp_path / "link.csv").is_symlink()
    assert len(read_csv(tmp_path / "real.csv")) == 1
    usual = tmp_path / "usual"
    usual.touch()
    assert (tmp_path / "real.csv").stat().st_mode == usual.stat().st_mode


def test_half_a_surrogate_pair_does_not_stop_the_writing(tmp_path: Path) -> None:
    write_results(tmp_path / "out.csv", [result(answer="a\ud800")])
    assert read_csv(tmp_path / "out.csv")[0]["answer"] == "a\\ud800"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("out.xlsx", r"ends in \.csv or \.jsonl"),
        ("out", r"ends in \.csv or \.jsonl"),
        ("missing/out.csv", "make it first"),
        ("folder.csv", "is a folder"),
    ],
)
def test_paths_that_can_not_be_written(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=says):
        check_results_path(tmp_path / name)
    with pytest.raises(InputError, match=says):
        write_results(tmp_path / name, [])


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"out\.csv can't be written: No space left"):
        write_results(tmp_path / "out.csv", [result()])
    assert list(tmp_path.iterdir()) == []


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_any_text_is_read_back_from_csv(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path / "out.csv"
    write_results(path, (result(answer=one, metadata={two: one}) for one, two in pairs))
    found = read_csv(path)
    assert [(row["answer"], json.loads(row["metadata"])) for row in found] == [
        (one, {two: one}) for one, two in pairs
    ]

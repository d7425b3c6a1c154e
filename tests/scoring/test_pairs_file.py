"""Files of pairs: columns by their names, bad rows by their lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import InputError
from app.files import BadRow
from app.scoring.pairs_file import PairRow, PairsFile


def rows_of(path: Path, content: str | bytes, file_format: str | None = None) -> list[Any]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(PairsFile(path, file_format))


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("candidate,reference", "c,r"),
        ("answer,original_answer", "c,r"),
        ("Reference ; CANDIDATE", "r;c"),
        ("reference\tanswer\tcandidate", "r\tother\tc"),
        ("reference|candidate", "r|c"),
        ("\ufeffcandidate,reference", "c,r"),
    ],
)
def test_columns_are_found_by_their_names_whatever_the_delimiter(
    tmp_path: Path, header: str, cells: str
) -> None:
    [row] = rows_of(tmp_path / "a.csv", f"{header}\n{cells}\n")
    assert (row.line, row.candidate, row.reference) == (2, "c", "r")


def test_questions_are_read_and_other_columns_kept(tmp_path: Path) -> None:
    text = 'id,question,answer,reference\n7,¿Qué?,"Sí, y\nno",Sí\n8,Why?,,\n'
    first, second = rows_of(tmp_path / "a.csv", text)
    assert first == PairRow(2, "Sí, y\nno", "Sí", "¿Qué?", {"id": "7"})
    assert second == PairRow(4, "", None, "Why?", {"id": "8"})


def test_results_of_a_run_can_be_scored_again(tmp_path: Path) -> None:
    row = {"question_text": "¿Qué?", "original_answer": "Eso.", "answer": None, "status": "dead"}
    [found] = rows_of(tmp_path / "a.jsonl", json.dumps(row) + "\n\n")
    assert found == PairRow(1, "", "Eso.", "¿Qué?", {"status": "dead"})


def test_rows_that_can_not_be_are_told_with_line_and_reason_and_stop_nothing(
    tmp_path: Path,
) -> None:
    good = '{"candidate": "c", "reference": "r"}'
    lines = [
        *(good, "{", "[1]", '{"candidate": "c"}', '{"candidate": 7, "reference": "r"}'),
        *('{"reference": "r"}', '"text"', good),
    ]
    found = rows_of(tmp_path / "a.jsonl", "\n".join(lines).encode() + b"\n\xff\n" + good.encode())
    assert [row.line for row in found if isinstance(row, PairRow)] == [1, 8, 10]
    reasons = {row.line: row.reason for row in found if isinstance(row, BadRow)}
    assert "not JSON" in reasons[2]
    assert "no reference or original_answer" in reasons[4]
    assert "candidate must be a string" in reasons[5]
    assert "UTF-8" in reasons[9]
    assert len(reasons) == 7
    csv = 'candidate,reference\na\n"open,b\nc,d\n'
    found = rows_of(tmp_path / "a.csv", csv)
    assert [(type(row).__name__, row.line) for row in found] == [
        ("BadRow", 2),
        ("BadRow", 3),
        ("PairRow", 4),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "question,reference\n", "no column for the candidate"),
        ("a.csv", "candidate,answer\n", "no column for the reference"),
        ("a.csv", "candidate,reference,Reference\n", "more than once"),
        ("a.csv", "", "empty"),
        ("a.json", '[{"candidate": "c"}]', "one JSON document"),
        ("a.csv", b"\x1f\x8b\x08\x00", "compressed"),
    ],
)
def test_a_file_that_can_not_be_scored_says_why(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        rows_of(tmp_path / name, content)


def test_what_was_read_is_told_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("candidate,reference\n" + "a,b\n" * 100)
    pairs = PairsFile(path)
    positions = [pairs.position for _ in pairs]
    assert positions == sorted(positions)
    assert (positions[0], positions[-1]) == (24, pairs.size)

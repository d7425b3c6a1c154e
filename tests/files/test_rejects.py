"""The rejects file: made when needed, added to safely."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from app.errors import InputError
from app.files import BadRow, RejectsFile, read_questions, write_rejects
from app.samples import bad_rows_path

FIRST = BadRow(3, "question_text is blank", ",a")
SECOND = BadRow(9, 'a "reason", with\nmore', 'raw "text"\r\nof two lines')


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_no_bad_row_no_file(tmp_path: Path) -> None:
    assert write_rejects(tmp_path / "rejects.csv", []) == 0
    with RejectsFile(tmp_path / "rejects.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_rows_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    assert write_rejects(path, [FIRST, SECOND]) == 2
    assert read(path) == [
        ["line", "reason", "raw"],
        ["3", FIRST.reason, FIRST.raw],
        ["9", SECOND.reason, SECOND.raw],
    ]


def test_each_row_is_there_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsFile(path) as rejects:
        rejects.add(FIRST)
        assert len(read(path)) == 2
        rejects.add(SECOND)
        assert len(read(path)) == 3
        assert rejects.count == 2


def test_a_run_that_resumes_writes_no_row_twice(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [FIRST])
    assert write_rejects(path, [FIRST, SECOND]) == 2
    assert write_rejects(path, [FIRST, SECOND]) == 2
    assert [row[0] for row in read(path)] == ["line", "3", "9"]


@pytest.mark.parametrize("cut", range(1, 45))
def test_a_half_row_left_by_a_crash_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects(path, [FIRST, SECOND])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    write_rejects(path, [FIRST, SECOND])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("cut", range(18))
def test_half_a_header_is_replaced(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "rejects.csv"
    path.write_bytes(b"line,reason,raw\r\n"[:cut])
    write_rejects(path, [FIRST])
    assert [row[0] for row in read(path)] == ["line", "3"]


@pytest.mark.parametrize("text", ["id,name\n1,Ann\n", "question_text,answer\nWhy?,So.\n", "x"])
def test_another_file_is_not_touched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="no rejects file"):
        write_rejects(path, [FIRST])
    assert path.read_text() == text


def test_a_file_that_was_opened_in_an_editor_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    before = (
        b'\xef\xbb\xbfline,reason,raw\n3,question_text is blank,",a"\n\n5,mine,changed,by hand\n'
    )
    path.write_bytes(before)
    write_rejects(path, [FIRST, BadRow(7, "r", "x")])
    assert path.read_bytes() == before + b"7,r,x\r\n"


def test_a_path_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be written"):
        write_rejects(tmp_path / "missing" / "rejects.csv", [FIRST])


def test_the_rejects_of_the_sample_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    bad = [row for row in read_questions(bad_rows_path()) if isinstance(row, BadRow)]
    write_rejects(path, bad)
    assert [row[0] for row in read(path)[1:]] == ["3", "6", "7", "8", "9", "11", "12"]

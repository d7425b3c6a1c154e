"""Reading streams, and counting is cheap."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import InputError
from app.files import BadRow, QuestionRow, count_rows, read_questions
from app.samples import bad_rows_path

Write = Callable[[str, bytes], Path]

ROWS = {
    "a.csv": b'"Why, at all?","Because\nit is so.",note\n',
    "a.jsonl": b'{"question_text": "Why, at all?", "original_answer": "Because."}\n',
    "yahoo.csv": b'"5","Why?","At all?","Because it is so."\n',
}
HEADER = {"a.csv": b"question,answer,note\n"}


@pytest.mark.parametrize("name", ROWS)
def test_a_large_file_is_read_in_small_memory(write: Write, name: str) -> None:
    count = 50_000
    path = write(name, HEADER.get(name, b"") + ROWS[name] * count)
    assert path.stat().st_size > 2_000_000
    tracemalloc.start()
    try:
        read = sum(isinstance(row, QuestionRow) for row in read_questions(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == count
    assert peak < 300_000


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_without_line_ends_is_read_in_bounded_memory(write: Write, name: str) -> None:
    start = {"a.csv": b'question\n"', "a.jsonl": b'{"question_text": "'}[name]
    path = write(name, start + b"x" * 40_000_000)
    tracemalloc.start()
    try:
        (bad,) = read_questions(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(bad, BadRow)
    assert peak < 12_000_000


def test_a_wrong_file_fails_at_the_call_not_at_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_questions(tmp_path / "none.csv")


def test_good_and_bad_rows_come_in_the_order_of_the_file() -> None:
    found = list(read_questions(bad_rows_path()))
    assert [(row.line, isinstance(row, QuestionRow)) for row in found] == [
        (2, True),
        (3, False),
        (4, True),
        (6, False),
        (7, False),
        (8, False),
        (9, False),
        (10, True),
        (11, False),
        (12, False),
        (13, True),
    ]
    assert count_rows(bad_rows_path()) == len(found)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("count", [1, 1_000])
def test_the_count_of_a_small_file_is_exact(write: Write, name: str, count: int) -> None:
    assert count_rows(write(name, HEADER.get(name, b"") + ROWS[name] * count)) == count


def test_a_header_alone_is_no_row(write: Write) -> None:
    path = write("a.csv", b"question\n")
    assert count_rows(path) == 0
    assert list(read_questions(path)) == []


@pytest.mark.parametrize("name", ROWS)
def test_the_count_of_a_large_file_is_close_and_reads_little(write: Write, name: str) -> None:
    path = write(name, HEADER.get(name, b"") + ROWS[name] * 100_000)
    assert count_rows(path) == pytest.approx(100_000, rel=0.01)

"""The format comes from the name and the first line together."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import InputError
from app.files import Format, Layout, QuestionRow, detect_format, read_questions

Write = Callable[[str, bytes], Path]

CSV = b"question_text\nWhy?\n"
JSONL = b'{"question_text": "Why?"}\n'
YAHOO = b'"5","Why?","",""\n'


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", CSV, Format.CSV),
        ("a.CSV", CSV, Format.CSV),
        ("a.tsv", CSV, Format.CSV),
        ("a.csv", YAHOO, Format.YAHOO),
        ("a.csv", b"\n\n" + YAHOO, Format.YAHOO),
        ("a.jsonl", JSONL, Format.JSONL),
        ("a.ndjson", JSONL, Format.JSONL),
        ("a.json", JSONL, Format.JSONL),
        ("a.jsonl", b"oops\n" + JSONL, Format.JSONL),
        ("a.txt", CSV, Format.CSV),
        ("a", b"\xef\xbb\xbf" + JSONL, Format.JSONL),
        ("dump.txt", YAHOO, Format.YAHOO),
    ],
)
def test_detection(write: Write, name: str, content: bytes, expected: Format) -> None:
    assert detect_format(write(name, content)) is expected


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.bin"])
def test_a_given_format_overrides_name_and_content(write: Write, name: str) -> None:
    path = write(name, b"5,Why?,,\n")
    assert detect_format(path, "yahoo") is Format.YAHOO
    assert [type(row) for row in read_questions(path, Layout("yahoo"))] == [QuestionRow]
    assert detect_format(path, Format.JSONL) is Format.JSONL


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", JSONL, "looks like JSONL.*--format jsonl"),
        ("a.jsonl", CSV, "looks like CSV with a header.*--format csv"),
        ("a.jsonl", YAHOO, "looks like a Yahoo! Answers CSV.*--format yahoo"),
        ("a.txt", b"hello\n", "--format .csv, jsonl, yahoo."),
        ("a.json", b'[{"question_text": "Why?"}]', "jq"),
        ("a.json", b'{\n  "question_text": "Why?"\n}', "jq"),
        ("a.csv", b"hello,there\n1,2\n", "'hello', 'there'.*question_text"),
    ],
)
def test_a_file_that_says_two_things_or_nothing(
    write: Write, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        read_questions(write(name, content))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n \r\n", "is empty"),
        (b"\0\0\0\0", "binary"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        (b"text " * 60 + b"\0" * 60, "binary"),
        (gzip.compress(CSV, mtime=0), "gunzip"),
        (b"PK\x03\x04rest", "save the sheet as CSV"),
        ("question_text\n".encode("utf-16"), "UTF-8"),
        ("question_text\n".encode("utf-16-le"), "binary"),
        (b"question_text\rWhy?\r", "tr"),
    ],
)
def test_files_that_are_no_text_in_utf8(write: Write, content: bytes, says: str) -> None:
    path = write("a.csv", content)
    with pytest.raises(InputError, match=says) as caught:
        read_questions(path, Layout("csv"))
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_no_such_file_a_folder_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_questions(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_questions(tmp_path)
    with pytest.raises(InputError, match="can't be read"):
        read_questions("a\0.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="no regular file"):
        read_questions(tmp_path / "pipe.csv")


def test_an_unknown_format_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="'xml': use csv, jsonl, yahoo") as caught:
        read_questions(write("a.csv", CSV), Layout("xml"))
    assert caught.value.field == "format"

"""JSONL: keys, types, and reasons that name the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.files import BadRow, QuestionRow, read_questions
from app.files.lines import MAX_LINE_BYTES

Write = Callable[[str, bytes], Path]


def rows(path: Path) -> list[QuestionRow | BadRow]:
    return list(read_questions(path))


def test_a_full_row(write: Write) -> None:
    path = write(
        "q.jsonl",
        b'{"question_text": "Why?", "original_answer": "So.", "metadata": {"a": [1]}, "id": 7}',
    )
    assert rows(path) == [QuestionRow(1, "Why?", "So.", {"a": [1], "id": 7})]


@pytest.mark.parametrize("rest", ["", ', "original_answer": null', ', "original_answer": " "'])
def test_no_reference(write: Write, rest: str) -> None:
    path = write("q.jsonl", f'{{"question_text": "Why?"{rest}}}\n'.encode())
    assert rows(path) == [QuestionRow(1, "Why?", None, {})]


def test_bom_crlf_and_blank_lines(write: Write) -> None:
    path = write(
        "q.jsonl", b'\xef\xbb\xbf\r\n{"question_text": "a"}\r\n \r\n{"question_text": "b"}\r\n'
    )
    assert rows(path) == [QuestionRow(2, "a", None, {}), QuestionRow(4, "b", None, {})]


def test_null_metadata_is_no_metadata(write: Write) -> None:
    path = write("q.jsonl", b'{"question_text": "a", "metadata": null}\n')
    assert rows(path) == [QuestionRow(1, "a", None, {})]


def test_a_backslash_before_u0000_is_no_nul(write: Write) -> None:
    path = write("q.jsonl", rb'{"question_text": "a", "code": "\\u0000"}')
    assert rows(path) == [QuestionRow(1, "a", None, {"code": "\\u0000"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "not JSON"),
        (b'{"question_text": "a"} {}', "not JSON"),
        (b'{"question_text": "a", "x": NaN}', "not JSON"),
        (b'{"question_text": "a", "x": 1e999}', "not JSON"),
        (rb'{"question_text": "\ud800"}', "not JSON"),
        (b'{"question_text": "a", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "not JSON"),
        (b"[1]", "the row must be an object, it is a list"),
        (b'"text"', "the row must be an object, it is a string"),
        (b'{"text": "a", "id": 1}', "question_text is missing (the keys there are: id, text)"),
        (b"{}", "question_text is missing (the keys there are: none)"),
        (b'{"question_text": null}', "question_text must be a string, it is null"),
        (b'{"question_text": 5}', "question_text must be a string, it is a number"),
        (b'{"question_text": "a", "original_answer": true}', "original_answer must be a string"),
        (b'{"question_text": "a", "metadata": "x"}', "metadata must be an object"),
        (b'{"question_text": "a", "id": 1, "metadata": {"id": 2}}', "id stands in the object"),
        (b'{"question_text": " "}', "question_text is blank"),
        (rb'{"question_text": "a\u0000"}', "question_text holds a NUL"),
        (rb'{"question_text": "a", "original_answer": "\u0000"}', "original_answer holds a NUL"),
        (rb'{"question_text": "a", "x": {"y\u0000": 1}}', "metadata holds a NUL"),
        (rb'{"question_text": "a", "x": "\\\u0000"}', "metadata holds a NUL"),
        (b'{"question_text": "a\x00"}', "NUL"),
        (b'{"question_text": "\xe9"}', "not UTF-8"),
        (b'{"question_text": "' + b"a" * 32_001 + b'"}', "question_text has 32,001 characters"),
        (b'{"question_text": "' + b"a" * MAX_LINE_BYTES + b'"}', "longer than"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_a_bad_line_is_bad_alone(write: Write, line: bytes, reason: str) -> None:
    first, bad, last = rows(
        write("q.jsonl", b'{"question_text":"a"}\n' + line + b'\n{"question_text":"b"}')
    )
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert isinstance(first, QuestionRow)
    assert isinstance(last, QuestionRow)
    assert last.line == 3


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
PLAIN = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(question=PLAIN.filter(str.strip), note=VALUE, ascii_only=st.booleans())
def test_what_json_writes_is_read_back(
    write: Write, question: str, note: object, ascii_only: bool
) -> None:
    text = json.dumps({"question_text": question, "note": note}, ensure_ascii=ascii_only)
    (row,) = rows(write("q.jsonl", text.encode("utf-8", "surrogatepass")))
    if isinstance(row, QuestionRow):
        assert (row.question_text, row.metadata) == (question, {"note": note})
    else:
        assert "\\u0000" in json.dumps(note) or "\\ud" in json.dumps(note)

"""JSONL: one JSON object in each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from app.files.encoding import decoded_lines
from app.files.layout import Layout
from app.files.lines import MAX_LINE_BYTES, Line
from app.files.rows import BadRow, QuestionRow, bad_row, bytes_problem, checked_row

_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def jsonl_rows(path: Path, layout: Layout) -> Iterator[QuestionRow | BadRow]:
    """Give the rows of the file; blank lines are skipped."""
    keys = (layout.question or "question_text", layout.reference or "original_answer")
    with path.open("rb") as file:
        for line in decoded_lines(file, layout.encoding):
            if not line.blank:
                yield _row(line, *keys)


def _row(line: Line, question_key: str, reference_key: str) -> QuestionRow | BadRow:
    value, reason = _parsed(line)
    if reason is None:
        reason = _shape_problem(value, question_key, reference_key)
    if reason is not None:
        return bad_row(line.number, reason, line.data)
    question, reference = value.pop(question_key), value.pop(reference_key, None)
    given = value.pop("metadata", None) or {}
    twice = sorted(value.keys() & given.keys())
    if twice:
        reason = f"{twice[0]} stands in the object and in its metadata too"
        return bad_row(line.number, reason, line.data)
    return checked_row(line.number, question, reference, {**given, **value}, line.data)


def _parsed(line: Line) -> tuple[Any, str | None]:
    """Return the line's value, or the reason why it has none."""
    if not line.whole:
        return None, f"the row is longer than {MAX_LINE_BYTES:,} bytes"
    reason = bytes_problem(line.data)
    if reason is not None:
        return None, reason
    try:
        return orjson.loads(line.data), None
    except orjson.JSONDecodeError as error:
        return None, f"the row is not JSON: {error.msg} (column {error.colno})"


def _shape_problem(value: Any, question_key: str, reference_key: str) -> str | None:
    if not isinstance(value, dict):
        return f"the row must be an object, it is {_kind(value)}"
    if question_key not in value:
        there = ", ".join(sorted(value)[:10]) or "none"
        return f"{question_key} is missing (the keys there are: {there})"
    if not isinstance(value[question_key], str):
        return f"{question_key} must be a string, it is {_kind(value[question_key])}"
    reference = value.get(reference_key)
    if reference is not None and not isinstance(reference, str):
        return f"{reference_key} must be a string or null, it is {_kind(reference)}"
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return f"metadata must be an object, it is {_kind(metadata)}"
    return None


def _kind(value: Any) -> str:
    return _KINDS[type(value)]

"""One row of an input file, and the rules that every row must keep whatever its format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from app.core.metadata import MAX_BYTES, metadata_problem

#: The API takes bodies up to 64 KiB: what a file may hold is what a client could have posted.
MAX_QUESTION_CHARACTERS = 32_000
MAX_REFERENCE_CHARACTERS = 32_000
#: How much of a bad row is kept to show it.
MAX_RAW_CHARACTERS = 2_000

_UTF8_BYTES_PER_CHARACTER = 4
#: A NUL in JSON text: `\\u0000` after an even number of backslashes.
_NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A row that can be asked. `line` is where it starts in the file, counted from 1.

    Texts are as the file has them (not trimmed, not normalised). `original_answer` is None when
    the file gives no reference, or a blank one.
    """

    line: int
    question_text: str
    original_answer: str | None
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be asked, and why. `raw` is its text as the file has it.

    `raw` is cut at MAX_RAW_CHARACTERS, and always encodes as UTF-8: bytes that are not UTF-8 are
    written `\\xff`, NULs `\\x00`.
    """

    line: int
    reason: str
    raw: str


def bad_row(line: int, reason: str, data: bytes) -> BadRow:
    """Return the bad row of the bytes `data`."""
    start = data[: MAX_RAW_CHARACTERS * _UTF8_BYTES_PER_CHARACTER]
    raw = start.decode("utf-8", "backslashreplace").rstrip("\r\n").replace("\0", "\\x00")
    if len(raw) > MAX_RAW_CHARACTERS or len(start) < len(data):
        raw = raw[: MAX_RAW_CHARACTERS - 1] + "…"
    return BadRow(line, reason, raw)


def bytes_problem(data: bytes) -> str | None:
    """Say why these bytes are no text that a row may hold, or None."""
    if b"\0" in data:
        return "the row holds a NUL character"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return (
            f"the row is not UTF-8 (byte 0x{data[error.start]:02x} at byte {error.start + 1} "
            "of the row): save the file as UTF-8"
        )
    return None


def checked_row(
    line: int, question: str, reference: str | None, metadata: dict[str, Any], data: bytes
) -> QuestionRow | BadRow:
    """Return the row, or the bad row when a rule is broken. `data` is the row in the file.

    A blank reference counts as none. `metadata` must be JSON values without NaN.
    """
    if reference is not None and not reference.strip():
        reference = None
    reason = _problem(question, reference, metadata)
    if reason is not None:
        return bad_row(line, reason, data)
    return QuestionRow(line, question, reference, metadata)


def _problem(question: str, reference: str | None, metadata: dict[str, Any]) -> str | None:
    if not question.strip():
        return "question_text is blank"
    return (
        _text_problem("question_text", question, MAX_QUESTION_CHARACTERS)
        or _text_problem("original_answer", reference or "", MAX_REFERENCE_CHARACTERS)
        or _metadata_problem(metadata)
    )


def _text_problem(field: str, text: str, limit: int) -> str | None:
    if "\0" in text:
        return f"{field} holds a NUL character"
    if len(text) > limit:
        return f"{field} has {len(text):,} characters, the limit is {limit:,}"
    return None


def _metadata_problem(metadata: dict[str, Any]) -> str | None:
    as_json = orjson.dumps(metadata)
    if _NUL_IN_JSON.search(as_json):
        return "metadata holds a NUL character"
    if len(as_json) > MAX_BYTES:
        return f"metadata has {len(as_json):,} bytes as JSON, the limit is {MAX_BYTES:,}"
    problem = metadata_problem(metadata)
    return f"metadata: {problem}" if problem else None

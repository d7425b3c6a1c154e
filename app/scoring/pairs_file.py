"""Pairs of a CSV or JSONL file, row by row, good or bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from app.errors import InputError
from app.files import BadRow
from app.files.detect import first_line
from app.files.lines import MAX_LINE_BYTES, Line, read_lines
from app.files.records import DELIMITERS, read_records, record_fields, wrong_width
from app.files.rows import bad_row, bytes_problem

#: The names that each part of a pair may have, the one that wins first.
NAMES = {
    "candidate": ("candidate", "answer"),
    "reference": ("reference", "original_answer"),
    "question": ("question_text", "question"),
}
_NEEDED = ("candidate", "reference")
_JSONL_NAMES = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair that can be scored; texts are as the file has them. `line` is where it starts.

    `reference` is None when it is blank: such a candidate has no score. `more` is what the other
    columns or keys hold.
    """

    line: int
    candidate: str
    reference: str | None
    question: str
    more: dict[str, Any]


class PairsFile:
    """The rows of a file of pairs; `position` of its `size` bytes are read. Read it once.

    Raises InputError when the file as a whole can't be: no such file, no column for a part.
    """

    def __init__(self, path: Path, file_format: str | None = None) -> None:
        first = first_line(path)
        self.path = path
        self.size = path.stat().st_size
        self.position = 0
        self._jsonl = file_format == "jsonl" if file_format else _is_jsonl(path, first)
        self._delimiter, self._names = ("", []) if self._jsonl else _header(path)
        self._columns = {} if self._jsonl else _columns(path, self._names)

    def __iter__(self) -> Iterator[PairRow | BadRow]:
        with self.path.open("rb") as file:
            lines = self._lines(file)
            yield from self._of_jsonl(lines) if self._jsonl else self._of_csv(lines)

    def _lines(self, file: BinaryIO) -> Iterator[Line]:
        for line in read_lines(file):
            self.position = file.tell()
            yield line

    def _of_jsonl(self, lines: Iterator[Line]) -> Iterator[PairRow | BadRow]:
        for line in lines:
            if not line.blank:
                yield _json_row(line)

    def _of_csv(self, lines: Iterator[Line]) -> Iterator[PairRow | BadRow]:
        records = read_records(lines, self._delimiter)
        next(records, None)
        for record in records:
            cells = record_fields(record, self._delimiter)
            if isinstance(cells, BadRow):
                yield cells
            elif len(cells) != len(self._names):
                yield wrong_width(record, cells, f"the header has {len(self._names)}")
            else:
                yield self._csv_row(record.line, cells)

    def _csv_row(self, line: int, cells: list[str]) -> PairRow:
        parts = {part: cells[at] for part, at in self._columns.items()}
        used = set(self._columns.values())
        return PairRow(
            line,
            parts["candidate"],
            parts["reference"] if parts["reference"].strip() else None,
            parts.get("question", ""),
            {name: cells[at] for at, name in enumerate(self._names) if at not in used},
        )


def _is_jsonl(path: Path, first: Line) -> bool:
    text = first.data.strip()
    if text.startswith(b"[") or text == b"{":
        raise InputError(
            f"{path}, line {first.number}: this is one JSON document, not an object in each line. "
            "Convert it: jq -c '.[]' FILE > FILE.jsonl",
            field="format",
        )
    return text.startswith(b"{") or path.suffix.lower() in _JSONL_NAMES


def _header(path: Path) -> tuple[str, list[str]]:
    """Return the delimiter that gives the most of the columns, and all names."""
    found: list[tuple[int, str, list[str]]] = []
    for delimiter in DELIMITERS:
        with path.open("rb") as file:
            record = next(read_records(read_lines(file), delimiter), None)
        cells = [] if record is None else record_fields(record, delimiter)
        names = [] if isinstance(cells, BadRow) else [cell.strip() for cell in cells]
        parts = sum(_find(names, each) is not None for each in NAMES.values())
        found.append((parts, delimiter, names))
    _, delimiter, names = max(found, key=lambda each: each[0])
    return delimiter, [name or f"column_{at}" for at, name in enumerate(names, 1)]


def _columns(path: Path, names: list[str]) -> dict[str, int]:
    known = [name.lower() for name in names]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise InputError(
            f"{path}: the header names {', '.join(map(repr, repeated))} more than once",
            field=repeated[0],
        )
    found = {part: _find(names, each) for part, each in NAMES.items()}
    for part in _NEEDED:
        if found[part] is None:
            there = ", ".join(map(repr, names)) or "unreadable"
            raise InputError(
                f"{path}: the header has no column for the {part}: name it "
                f"{' or '.join(NAMES[part])}. The columns there are {there}",
                field=part,
            )
    return {part: at for part, at in found.items() if at is not None}


def _find(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    known = [name.lower() for name in names]
    return next((known.index(name) for name in wanted if name in known), None)


def _json_row(line: Line) -> PairRow | BadRow:
    value, reason = _object(line)
    parts: dict[str, str] = {}
    for part, names in NAMES.items():
        if reason is not None:
            break
        name = next((name for name in names if name in value), None)
        text = value.pop(name) if name is not None else None
        if name is None and part in _NEEDED:
            there = ", ".join(sorted(value)[:10]) or "none"
            reason = f"there is no {' or '.join(names)} (the keys there are: {there})"
        elif text is not None and not isinstance(text, str):
            reason = f"{name} must be a string or null"
        parts[part] = text or ""
    if reason is not None:
        return bad_row(line.number, reason, line.data)
    reference = parts["reference"] if parts["reference"].strip() else None
    return PairRow(line.number, parts["candidate"], reference, parts["question"], value)


def _object(line: Line) -> tuple[dict[str, Any], str | None]:
    """Return the line's object, or the reason why there is none."""
    if not line.whole:
        return {}, f"the row is longer than {MAX_LINE_BYTES:,} bytes"
    if (reason := bytes_problem(line.data)) is not None:
        return {}, reason
    try:
        value = orjson.loads(line.data)
    except orjson.JSONDecodeError as error:
        return {}, f"the row is not JSON: {error.msg} (column {error.colno})"
    return (value, None) if isinstance(value, dict) else ({}, "the row must be an object")

"""The answers of a file whose quality is known: CSV or JSONL, rows checked one by one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.calibration.pairs import Known
from app.core.guards.language import language_code, language_of
from app.errors import InputError
from app.files.detect import Format, detect_format
from app.files.lines import MAX_LINE_BYTES, read_lines
from app.files.records import DELIMITERS, Record, read_records, record_fields, wrong_width
from app.files.rows import MAX_REFERENCE_CHARACTERS, BadRow, bad_row, bytes_problem

#: The names that a column may have, the one that wins first.
REFERENCE_NAMES = ("original_answer", "reference")
ANSWER_NAMES = ("answer", "candidate")
QUESTION_NAMES = ("question_text", "question")
LABEL_NAMES = ("label",)
LANGUAGE_NAMES = ("language", "lang")
#: Columns of the results of `run`: their answers are a model's, and nobody has looked at them.
_RESULTS = frozenset({"question_id", "status"})

LABELS = {
    **dict.fromkeys(("good", "1", "true", "yes"), True),
    **dict.fromkeys(("bad", "0", "false", "no"), False),
}
#: Where the language of a row can't be told.
UNKNOWN = "?"

NEEDED = (
    "It needs a column for the reference (original_answer, or reference) and one for the answer "
    "(answer, or candidate); label (good or bad, 1 or 0), question_text and language are optional. "
    "To get answers: answerloop run FILE --out answers.csv, then add a column label to answers.csv"
)

Row = Mapping[str, Any]


class Skipped:
    """A row that is no pair: without an answer, a reference, or a label where others have one."""


class KnownFile:
    """A file of answers. Opening it raises InputError when it is none that can be used."""

    def __init__(self, path: Path, file_format: str | None = None) -> None:
        self.path = path
        found = detect_format(path, file_format)
        if found is Format.YAHOO:
            raise InputError(f"{path} has questions and references, but no answers. {NEEDED}")
        self._delimiter, self._names = (
            _header(path) if found is Format.CSV else ("", _first_keys(path))
        )
        for names in (REFERENCE_NAMES, ANSWER_NAMES):
            if not _has(self._names, names):
                there = ", ".join(map(repr, self._names)) or "unreadable"
                raise InputError(
                    f"{path} has no column {' or '.join(names)} (there are {there}). {NEEDED}",
                    field=names[0],
                )
        #: Whether anybody says which answers are good.
        self.labelled = _has(self._names, LABEL_NAMES)
        #: Whether it looks like the results of `run`.
        self.of_a_run = set(self._names) >= _RESULTS

    def rows(self) -> Iterator[list[Known] | BadRow | Skipped]:
        """Give each row: its answers (a list in JSONL may hold several), or why it has none."""
        found = self._csv_rows() if self._delimiter else self._jsonl_rows()
        for line, row, data in found:
            yield row if isinstance(row, BadRow) else self._checked(line, row, data)

    def _csv_rows(self) -> Iterator[tuple[int, Row | BadRow, bytes]]:
        with self.path.open("rb") as file:
            records = read_records(read_lines(file), self._delimiter)
            next(records, None)
            for record in records:
                yield record.line, self._csv_row(record), record.data

    def _csv_row(self, record: Record) -> Row | BadRow:
        fields = record_fields(record, self._delimiter)
        if isinstance(fields, BadRow):
            return fields
        if len(fields) != len(self._names):
            return wrong_width(record, fields, f"the header has {len(self._names)}")
        return dict(zip(self._names, fields, strict=True))

    def _jsonl_rows(self) -> Iterator[tuple[int, Row | BadRow, bytes]]:
        with self.path.open("rb") as file:
            for line in read_lines(file):
                if not line.blank:
                    yield line.number, _json_row(line.number, line.data, line.whole), line.data

    def _checked(self, line: int, row: Row, data: bytes) -> list[Known] | BadRow | Skipped:
        reference, answers = _value(row, REFERENCE_NAMES), _value(row, ANSWER_NAMES)
        several = [
            each
            for each in (answers if isinstance(answers, list) else [answers])
            if not (each is None or (isinstance(each, str) and not each.strip()))
        ]
        question = _value(row, QUESTION_NAMES) or ""
        label = _value(row, LABEL_NAMES)
        if label is not None and not self.labelled:
            raise InputError(
                f"{self.path}, line {line}: this row has a label, and the first row has none, so "
                "every answer would count as good: give the first row a label, too (good or bad; "
                "null: not judged)",
                field="label",
            )
        if reference is None or not several:
            return Skipped()
        if self.labelled and label is None:
            return Skipped()
        texts = [("reference", reference), ("question", question)]
        fault = _fault([*texts, *(("answer", each) for each in several)])
        if fault is not None:
            return bad_row(line, fault, data)
        good = LABELS.get(_plain(label)) if self.labelled else True
        if good is None:
            return bad_row(line, f"label must be good or bad (1 or 0), it is {label!r:.40}", data)
        language = _language(row, question, reference, several)
        return [Known(line, question, reference, each, good, language) for each in several]


def _has(names: list[str], wanted: tuple[str, ...]) -> bool:
    return any(name in names for name in wanted)


def _value(row: Row, names: tuple[str, ...]) -> Any:
    """Return what the first of these columns holds; None for nothing, and for blanks."""
    found = next((row[name] for name in names if row.get(name) is not None), None)
    return None if isinstance(found, str) and not found.strip() else found


def _fault(texts: list[tuple[str, Any]]) -> str | None:
    """Say what is wrong with the first of these (name, text) that can't be taken, or None."""
    for name, text in texts:
        if not isinstance(text, str):
            return f"{name} must be a string"
        if "\0" in text:
            return f"{name} holds a NUL character"
        if len(text) > MAX_REFERENCE_CHARACTERS:
            return f"{name} has {len(text):,} characters, the limit is {MAX_REFERENCE_CHARACTERS:,}"
    return None


def _plain(label: Any) -> str:
    if isinstance(label, bool):
        return "1" if label else "0"
    if isinstance(label, float) and label in (0.0, 1.0):
        return str(int(label))
    return str(label).strip().lower()


def _language(row: Row, question: str, reference: str, answers: list[str]) -> str:
    """Return the language that the row names, or the one that its texts are in."""
    named = _value(row, LANGUAGE_NAMES) or _metadata(row).get("language")
    if named is None:
        named = language_of(" ".join((question, reference, *answers)))
    return language_code(str(named or UNKNOWN)[:40])


def _metadata(row: Row) -> Mapping[str, Any]:
    found = row.get("metadata")
    if isinstance(found, str) and found.startswith("{"):
        try:
            found = orjson.loads(found)
        except orjson.JSONDecodeError:
            return {}
    return found if isinstance(found, dict) else {}


def _json_row(line: int, data: bytes, whole: bool) -> Row | BadRow:
    if not whole:
        return bad_row(line, f"the row is longer than {MAX_LINE_BYTES:,} bytes", data)
    reason = bytes_problem(data)
    if reason is not None:
        return bad_row(line, reason, data)
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return bad_row(line, f"the row is not JSON: {error.msg} (column {error.colno})", data)
    if not isinstance(row, dict):
        return bad_row(line, "the row must be an object", data)
    return {str(key).strip().lower(): value for key, value in row.items()}


def _first_keys(path: Path) -> list[str]:
    """Return the keys of the first row that is an object."""
    with path.open("rb") as file:
        for line in read_lines(file):
            if not line.blank:
                row = _json_row(line.number, line.data, line.whole)
                if not isinstance(row, BadRow):
                    return list(row)
    return []


def _header(path: Path) -> tuple[str, list[str]]:
    """Return delimiter and column names: the delimiter that gives the needed columns."""
    found = [(delimiter, _names(path, delimiter)) for delimiter in DELIMITERS]
    for delimiter, names in found:
        if _has(names, REFERENCE_NAMES) and _has(names, ANSWER_NAMES):
            repeated = sorted({name for name in names if name and names.count(name) > 1})
            if repeated:
                raise InputError(
                    f"{path}: the header names {', '.join(repeated)} more than once",
                    field=repeated[0],
                )
            return delimiter, names
    return max(found, key=lambda each: len(each[1]))


def _names(path: Path, delimiter: str) -> list[str]:
    with path.open("rb") as file:
        record = next(read_records(read_lines(file), delimiter), None)
    if record is None or record.problem or bytes_problem(record.data):
        return []
    try:
        fields = next(csv.reader([record.data.decode()], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip().lower() for name in fields]

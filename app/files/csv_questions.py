"""CSV with a header: which column is what, and the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.errors import InputError
from app.files.lines import Line, read_lines
from app.files.records import Record, read_records, record_fields, wrong_width
from app.files.rows import BadRow, QuestionRow, checked_row

#: The names a column may have, the one that wins first.
QUESTION_NAMES = ("question_text", "question")
REFERENCE_NAMES = ("original_answer", "answer", "reference")

DELIMITERS = (",", ";", "\t")


class Header(NamedTuple):
    """How to read the records below the header. `names` are those of all columns, in order."""

    delimiter: str
    names: tuple[str, ...]
    question: int
    reference: int | None


def has_question_column(first: Line) -> bool:
    """Tell whether a line reads as a header with a column for the question."""
    return any(
        _find(_names([first], delimiter), QUESTION_NAMES) is not None for delimiter in DELIMITERS
    )


def read_header(path: Path) -> Header:
    """Return the header of the file, its delimiter chosen by what the header holds.

    The delimiter is the first of comma, semicolon and tab that gives a question column: data is
    never guessed from. Raise InputError when there is no such column or two may be meant.
    """
    order = ("\t", ",", ";") if path.suffix.lower() in {".tsv", ".tab"} else DELIMITERS
    found = [(delimiter, _first_names(path, delimiter)) for delimiter in order]
    for delimiter, names in found:
        question = _find(names, QUESTION_NAMES)
        if question is not None:
            _refuse_repeats(path, names)
            return Header(delimiter, _filled(names), question, _reference(path, names))
    columns = ", ".join(repr(name) for name in max((names for _, names in found), key=len))
    raise InputError(
        f"{path}: the header has no column for the question. "
        f"The columns there are {columns or 'unreadable'}. "
        "Name one question_text (or question), and the reference answers original_answer "
        "(or answer, reference)",
        field="question_text",
    )


def csv_rows(path: Path, header: Header) -> Iterator[QuestionRow | BadRow]:
    """Give the rows below the header."""
    with path.open("rb") as file:
        records = read_records(read_lines(file), header.delimiter)
        next(records, None)
        for record in records:
            yield _row(record, header)


def _row(record: Record, header: Header) -> QuestionRow | BadRow:
    fields = record_fields(record, header.delimiter)
    if isinstance(fields, BadRow):
        return fields
    if len(fields) != len(header.names):
        return wrong_width(record, fields, f"the header has {len(header.names)}")
    used = {header.question, header.reference}
    return checked_row(
        record.line,
        fields[header.question],
        None if header.reference is None else fields[header.reference],
        {name: fields[at] for at, name in enumerate(header.names) if at not in used},
        record.data,
    )


def _first_names(path: Path, delimiter: str) -> list[str]:
    with path.open("rb") as file:
        return _names(read_lines(file), delimiter)


def _names(lines: Iterable[Line], delimiter: str) -> list[str]:
    """Return the fields of the first record, or nothing when it can't be read."""
    record = next(read_records(lines, delimiter), None)
    fields = [] if record is None else record_fields(record, delimiter)
    return [] if isinstance(fields, BadRow) else [name.strip() for name in fields]


def _find(names: list[str], wanted: tuple[str, ...]) -> int | None:
    known = [name.lower() for name in names]
    return next((known.index(name) for name in wanted if name in known), None)


def _reference(path: Path, names: list[str]) -> int | None:
    known = {name.lower() for name in names}
    if REFERENCE_NAMES[0] not in known and known.issuperset(REFERENCE_NAMES[1:]):
        raise InputError(
            f"{path}: both 'answer' and 'reference' may be the reference answer. "
            "Rename the right one original_answer",
            field="original_answer",
        )
    return _find(names, REFERENCE_NAMES)


def _refuse_repeats(path: Path, names: list[str]) -> None:
    known = [name.lower() for name in names if name]
    repeated = sorted({name for name in known if known.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path}: the header names {', '.join(map(repr, repeated))} more than once. "
            "Rename or remove the extra columns",
            field=repeated[0],
        )


def _filled(names: list[str]) -> tuple[str, ...]:
    """Give columns without a name one: `column_3`."""
    return tuple(name or f"column_{at}" for at, name in enumerate(names, 1))

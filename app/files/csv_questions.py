"""CSV with a header: which column is what, and the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.errors import InputError
from app.files.encoding import decoded_lines
from app.files.layout import Layout
from app.files.lines import Line
from app.files.records import DELIMITERS, Record, read_records, record_fields, wrong_width
from app.files.rows import BadRow, QuestionRow, checked_row

#: The names a column may have, the one that wins first.
QUESTION_NAMES = ("question_text", "question")
REFERENCE_NAMES = ("original_answer", "answer", "reference")


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


def read_header(path: Path, layout: Layout) -> Header:
    """Return the header of the file, its delimiter chosen by what the header holds.

    The delimiter is the first of `DELIMITERS` that gives a question column: data is never
    guessed from. Raise InputError when there is no such column or two may be meant.
    """
    wanted = (layout.question.strip().lower(),) if layout.question else QUESTION_NAMES
    tabs = path.suffix.lower() in {".tsv", ".tab"}
    order = sorted(DELIMITERS, key=lambda each: each != "\t") if tabs else DELIMITERS
    found = [(delimiter, _first_names(path, delimiter, layout.encoding)) for delimiter in order]
    for delimiter, names in found:
        question = _find(names, wanted)
        if question is not None:
            _refuse_repeats(path, names)
            return Header(
                delimiter, _filled(names), question, _reference(path, names, question, layout)
            )
    raise _no_question(path, max((names for _, names in found), key=len), layout)


def csv_rows(path: Path, header: Header, layout: Layout) -> Iterator[QuestionRow | BadRow]:
    """Give the rows below the header."""
    with path.open("rb") as file:
        records = read_records(decoded_lines(file, layout.encoding), header.delimiter)
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


def _first_names(path: Path, delimiter: str, encoding: str | None) -> list[str]:
    with path.open("rb") as file:
        return _names(decoded_lines(file, encoding), delimiter)


def _no_question(path: Path, names: list[str], layout: Layout) -> InputError:
    """Return the error of a header without a column for the question."""
    if not names:
        return InputError(
            f"{path}: the header can't be read as CSV in UTF-8. Excel on Windows saves in another "
            "encoding: give --encoding windows-1252, or save it as CSV UTF-8",
            field="encoding",
        )
    what = f"column {layout.question!r}" if layout.question else "column for the question"
    return InputError(
        f"{path}: the header has no {what}. The columns there are {_listed(names)}. "
        "Say which they are with --question-column NAME and --reference-column NAME, or name "
        "them question_text (or question) and original_answer (or answer, reference)",
        field="question_text",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, filter(None, names)))


def _names(lines: Iterable[Line], delimiter: str) -> list[str]:
    """Return the fields of the first record, or nothing when it can't be read."""
    record = next(read_records(lines, delimiter), None)
    fields = [] if record is None else record_fields(record, delimiter)
    return [] if isinstance(fields, BadRow) else [name.strip() for name in fields]


def _find(names: list[str], wanted: tuple[str, ...]) -> int | None:
    known = [name.lower() for name in names]
    return next((known.index(name) for name in wanted if name in known), None)


def _reference(path: Path, names: list[str], question: int, layout: Layout) -> int | None:
    if layout.reference:
        at = _find(names, (layout.reference.strip().lower(),))
        if at is None:
            raise InputError(
                f"{path}: the header has no column {layout.reference!r}. "
                f"The columns there are {_listed(names)}",
                field="reference_column",
            )
        return at
    known = {name.lower() for name in names}
    if REFERENCE_NAMES[0] not in known and known.issuperset(REFERENCE_NAMES[1:]):
        raise InputError(
            f"{path}: both 'answer' and 'reference' may be the reference answer. "
            "Say which with --reference-column NAME, or rename it original_answer",
            field="original_answer",
        )
    at = _find(names, REFERENCE_NAMES)
    return None if at == question else at


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

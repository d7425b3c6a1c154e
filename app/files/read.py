"""Read the questions of a file, whatever its format, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from app.errors import InputError
from app.files.csv_questions import csv_rows, read_header
from app.files.detect import Format, detect_format
from app.files.encoding import check_encoding, decoded_lines
from app.files.jsonl_questions import jsonl_rows
from app.files.layout import Layout
from app.files.lines import Line
from app.files.records import read_records
from app.files.rows import BadRow, QuestionRow
from app.files.yahoo_answers import DELIMITER, yahoo_rows

_SAMPLE_BYTES = 1024 * 1024
#: Format, columns and encoding as the file itself shows them.
AS_IT_LOOKS = Layout()


def read_questions(
    path: str | Path, layout: Layout = AS_IT_LOOKS
) -> Iterator[QuestionRow | BadRow]:
    """Give every row of the file in its order, good or bad; none is left out.

    What `layout` says overrides detection. What is wrong with the file as a whole raises
    InputError here, before the first row is asked for.
    """
    path = Path(path)
    found = check_file(path, layout)
    match found:
        case Format.CSV:
            return csv_rows(path, read_header(path, layout), layout)
        case Format.JSONL:
            return jsonl_rows(path, layout)
        case Format.YAHOO:
            return yahoo_rows(path, layout)
        case _:
            assert_never(found)


def check_file(path: Path, layout: Layout = AS_IT_LOOKS) -> Format:
    """Return the file's format; raise InputError for all that is wrong with it as a whole."""
    found = detect_format(path, layout.format)
    check_encoding(path, layout.encoding)
    if found is Format.CSV:
        read_header(path, layout)
    elif found is Format.YAHOO and (layout.question or layout.reference):
        raise InputError(f"{path}: Yahoo! Answers CSV has no names of columns", field="format")
    return found


def has_references(path: Path, layout: Layout = AS_IT_LOOKS) -> bool:
    """Tell whether rows may have a reference answer: a CSV without a column for it has none."""
    found = detect_format(path, layout.format)
    return found is not Format.CSV or read_header(path, layout).reference is not None


def count_rows(path: str | Path, layout: Layout = AS_IT_LOOKS) -> int:
    """Estimate how many rows, good and bad, the file has: for progress bars.

    Exact for files up to 1 MiB; larger ones are estimated from their first MiB, at the same
    cost whatever their size. Raises InputError as `read_questions` does.
    """
    path = Path(path)
    found = detect_format(path, layout.format)
    delimiter = read_header(path, layout).delimiter if found is Format.CSV else DELIMITER
    size = path.stat().st_size
    count = 0
    with path.open("rb") as file:
        rows = _rows(decoded_lines(file, layout.encoding), found, delimiter)
        if found is Format.CSV:
            next(rows, None)
        skipped = file.tell()
        for _ in rows:
            count += 1
            if file.tell() - skipped >= _SAMPLE_BYTES:
                break
        read = max(1, file.tell() - skipped)
    return count if size - skipped <= read else round(count * (size - skipped) / read)


def _rows(lines: Iterator[Line], found: Format, delimiter: str) -> Iterator[object]:
    if found is Format.JSONL:
        return (line for line in lines if not line.blank)
    return read_records(lines, delimiter)

"""Read the questions of a file, whatever its format, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, assert_never

from app.files.csv_questions import csv_rows, read_header
from app.files.detect import Format, detect_format
from app.files.jsonl_questions import jsonl_rows
from app.files.lines import read_lines
from app.files.records import read_records
from app.files.rows import BadRow, QuestionRow
from app.files.yahoo_answers import DELIMITER, yahoo_rows

_SAMPLE_BYTES = 1024 * 1024


def read_questions(
    path: str | Path,
    format: str | None = None,  # noqa: A002 - the option's own name
) -> Iterator[QuestionRow | BadRow]:
    """Give every row of the file in its order, good or bad; none is left out.

    `format` (a value of `Format`) overrides detection. What is wrong with the file as a whole
    raises InputError here, before the first row is asked for.
    """
    path = Path(path)
    found = detect_format(path, format)
    match found:
        case Format.CSV:
            return csv_rows(path, read_header(path))
        case Format.JSONL:
            return jsonl_rows(path)
        case Format.YAHOO:
            return yahoo_rows(path)
        case _:
            assert_never(found)


def count_rows(path: str | Path, format: str | None = None) -> int:  # noqa: A002
    """Estimate how many rows, good and bad, the file has: for progress bars.

    Exact for files up to 1 MiB; larger ones are estimated from their first MiB, at the same
    cost whatever their size. Raises InputError as `read_questions` does.
    """
    path = Path(path)
    found = detect_format(path, format)
    delimiter = read_header(path).delimiter if found is Format.CSV else DELIMITER
    size = path.stat().st_size
    count = 0
    with path.open("rb") as file:
        rows = _rows(file, found, delimiter)
        if found is Format.CSV:
            next(rows, None)
        skipped = file.tell()
        for _ in rows:
            count += 1
            if file.tell() - skipped >= _SAMPLE_BYTES:
                break
        read = max(1, file.tell() - skipped)
    return count if size - skipped <= read else round(count * (size - skipped) / read)


def _rows(file: BinaryIO, found: Format, delimiter: str) -> Iterator[object]:
    lines = read_lines(file)
    if found is Format.JSONL:
        return (line for line in lines if not line.blank)
    return read_records(lines, delimiter)

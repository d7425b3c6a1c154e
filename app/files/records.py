"""CSV records: which lines belong together, and the fields of each.

`csv.reader` alone would let one quote that is never closed swallow the rest of the file into
memory, and a field over its limit would leave it in the middle of a record. So the ends of
records are found here, within a bound, and `csv` parses one record at a time.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from app.files.lines import MAX_LINE_BYTES, Line
from app.files.rows import BadRow, bad_row, bytes_problem

MAX_RECORD_BYTES = MAX_LINE_BYTES
UNCLOSED = "a quote opens in this row and is never closed"
TOO_LONG = f"the row is longer than {MAX_RECORD_BYTES:,} bytes"


class Record(NamedTuple):
    """One CSV record. `line` is its first line; `problem` says why it is no record at all."""

    line: int
    data: bytes
    problem: str | None


def read_records(lines: Iterable[Line], delimiter: str) -> Iterator[Record]:
    """Give the records of `lines`; blank lines between records are skipped.

    A quote that is not closed within MAX_RECORD_BYTES costs only the line that it stands on:
    reading goes on with the next line.
    """
    opening = delimiter.encode() + b'"'
    source = iter(lines)
    again: deque[Line] = deque()
    while (first := again.popleft() if again else next(source, None)) is not None:
        if first.blank:
            continue
        if not first.whole:
            yield Record(first.number, first.data, TOO_LONG)
            continue
        held = [first]
        size = len(first.data)
        quoted = _ends_quoted(first.data, opening, quoted=False)
        while quoted and size <= MAX_RECORD_BYTES:
            line = again.popleft() if again else next(source, None)
            if line is None:
                break
            held.append(line)
            if not line.whole:
                break
            size += len(line.data)
            quoted = _ends_quoted(line.data, opening, quoted=True)
        if quoted:
            again.extendleft(reversed(held[1:]))
            yield Record(first.number, first.data, UNCLOSED)
        else:
            yield Record(first.number, b"".join(line.data for line in held), None)


def record_fields(record: Record, delimiter: str) -> list[str] | BadRow:
    """Return the fields of a record, or the bad row that it is."""
    problem = record.problem or bytes_problem(record.data)
    if problem is not None:
        return bad_row(record.line, problem, record.data)
    try:
        return next(csv.reader([record.data.decode()], delimiter=delimiter))
    except csv.Error as error:
        return bad_row(record.line, f"the row is not CSV: {error}", record.data)


def _ends_quoted(data: bytes, opening: bytes, *, quoted: bool) -> bool:
    """Tell whether the line ends inside quotes, by the rules of `csv.reader`.

    A quote opens at the start of a field only, `""` inside quotes is a quote, and after the
    closing quote everything up to the delimiter is plain text.
    """
    at = 0
    if not quoted and data.startswith(b'"'):
        quoted, at = True, 1
    while True:
        found = data.find(b'"' if quoted else opening, at)
        if found < 0:
            return quoted
        if not quoted:
            quoted, at = True, found + len(opening)
        elif data.startswith(b'"', found + 1):
            at = found + 2
        else:
            quoted, at = False, found + 1

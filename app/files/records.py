"""CSV records: which lines belong together, and the fields of each.

`csv.reader` alone would let one quote that is never closed swallow the rest of the file into
memory, and a field over its limit would leave it in the middle of a record. So the ends of
records are found here, within a bound, and `csv` parses one record at a time.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from app.files.lines import MAX_LINE_BYTES, Line
from app.files.rows import BadRow, bad_row, bytes_problem

MAX_RECORD_BYTES = MAX_LINE_BYTES
#: Those that a header is read by, one after the other.
DELIMITERS = (",", ";", "\t", "|")
UNCLOSED = "a quote opens in this row and is never closed"
STRAY = "text follows a closing quote: double the quotes inside quotes, or remove a stray one"
TOO_LONG = f"the row is longer than {MAX_RECORD_BYTES:,} bytes"


class Record(NamedTuple):
    """One CSV record. `line` is its first line; `problem` says why it is no record at all."""

    line: int
    data: bytes
    problem: str | None


class _Quotes(Enum):
    """How a line ends."""

    CLOSED = auto()
    OPEN = auto()
    STRAY = auto()


def read_records(lines: Iterable[Line], delimiter: str) -> Iterator[Record]:
    """Give the records of `lines`; blank lines between them, and Excel's `sep=;`, are skipped.

    A quote that is not closed within MAX_RECORD_BYTES, or is closed in the middle of a text (so
    by a quote that opens another field), costs only the line that it stands on: reading goes
    on with the next line.
    """
    source = iter(lines)
    again: deque[Line] = deque()
    while (first := again.popleft() if again else next(source, None)) is not None:
        if first.blank or first.names_separator:
            continue
        if not first.whole:
            yield Record(first.number, first.data, TOO_LONG)
            continue
        held = [first]
        size = len(first.data)
        quotes = _quotes(first.data, delimiter, quoted=False)
        while quotes is _Quotes.OPEN and size <= MAX_RECORD_BYTES:
            line = again.popleft() if again else next(source, None)
            if line is None:
                break
            held.append(line)
            if not line.whole:
                break
            size += len(line.data)
            quotes = _quotes(line.data, delimiter, quoted=True)
        if quotes is _Quotes.CLOSED:
            yield Record(first.number, b"".join(line.data for line in held), None)
        else:
            again.extendleft(reversed(held[1:]))
            yield Record(first.number, first.data, UNCLOSED if quotes is _Quotes.OPEN else STRAY)


def record_fields(record: Record, delimiter: str) -> list[str] | BadRow:
    """Return the fields of a record, or the bad row that it is."""
    problem = record.problem or bytes_problem(record.data)
    if problem is not None:
        return bad_row(record.line, problem, record.data)
    try:
        return next(csv.reader([record.data.decode()], delimiter=delimiter))
    except csv.Error as error:
        return bad_row(record.line, f"the row is not CSV: {error}", record.data)


def wrong_width(record: Record, fields: list[str], wanted: str) -> BadRow:
    """Return the bad row of a record that has not as many fields as `wanted` says."""
    reason = f"{len(fields)} column{'s'[: len(fields) != 1]} where {wanted}"
    last = record.line + record.data.rstrip(b"\r\n").count(b"\n")
    if last > record.line:
        reason += f" (the row goes on to line {last}: look for a stray quote)"
    return bad_row(record.line, reason, record.data)


def _quotes(data: bytes, delimiter: str, *, quoted: bool) -> _Quotes:
    """Tell how a line ends that starts inside quotes (`quoted`) or not.

    A quote opens at the start of a field only, `""` inside quotes is a quote, and a closing
    quote stands before a delimiter or at the end of the line.
    """
    opening = delimiter.encode() + b'"'
    text = data.rstrip(b"\r\n")
    at = 0
    if not quoted and text.startswith(b'"'):
        quoted, at = True, 1
    while True:
        found = text.find(b'"' if quoted else opening, at)
        if found < 0:
            return _Quotes.OPEN if quoted else _Quotes.CLOSED
        at = found + 1
        if not quoted:
            quoted, at = True, found + len(opening)
        elif text.startswith(b'"', at):
            at += 1
        elif at == len(text) or text.startswith(opening[:1], at):
            quoted = False
        else:
            return _Quotes.STRAY

"""The encoding of a file: other ones than UTF-8 are told from it before any row is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.errors import InputError
from app.files.layout import ENCODINGS
from app.files.lines import BOM, Line, read_lines

_LOOK_BYTES = 1024 * 1024
#: So many lines that are no UTF-8, and more than those that are, are no accident.
_MANY_LINES = 5


def decode_line(line: Line, encoding: str | None) -> Line:
    """Return the line in UTF-8. Bytes that the encoding leaves out become control characters."""
    if encoding is None or encoding == "utf-8":
        return line
    try:
        text = line.data.decode(ENCODINGS[encoding])
    except UnicodeDecodeError:  # five bytes of windows-1252
        text = "".join(_character(byte, ENCODINGS[encoding]) for byte in line.data)
    return line._replace(data=text.encode())


def decoded_lines(file: BinaryIO, encoding: str | None) -> Iterator[Line]:
    """Give the lines of a file in UTF-8."""
    return (decode_line(line, encoding) for line in read_lines(file))


def check_encoding(path: Path, encoding: str | None) -> None:
    """Raise InputError when the file's first MiB speaks against `encoding` (None: UTF-8).

    `utf-8` itself is never refused: who says so gets each row that is not UTF-8 as a bad row.
    """
    if encoding == "utf-8":
        return
    utf8, other, first = _lines_beyond_ascii(path)
    if encoding is None:
        if first is not None and other >= _MANY_LINES and other > utf8:
            raise InputError(
                f"{path} is not UTF-8 (first in line {first}; {other} lines of those looked at). "
                "Excel on Windows saves so: give --encoding windows-1252, or save it as CSV UTF-8",
                field="encoding",
            )
    elif _starts_with_mark(path) or (utf8 and not other):
        raise InputError(f"{path} is UTF-8, not {encoding}: leave --encoding out", field="encoding")


def _character(byte: int, encoding: str) -> str:
    try:
        return bytes((byte,)).decode(encoding)
    except UnicodeDecodeError:
        return chr(byte)


def _starts_with_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(BOM)) == BOM


def _lines_beyond_ascii(path: Path) -> tuple[int, int, int | None]:
    """Count lines beyond ASCII that are UTF-8, and that are not; the first of these."""
    utf8, other, first = 0, 0, None
    with path.open("rb") as file:
        for line in read_lines(file):
            if not line.data.isascii() and line.whole:
                try:
                    line.data.decode()
                    utf8 += 1
                except UnicodeDecodeError:
                    other += 1
                    first = first or line.number
            if file.tell() >= _LOOK_BYTES:
                break
    return utf8, other, first

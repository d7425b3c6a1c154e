"""The lines of a file as bytes, in bounded memory even when the file has no line ends at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

#: More than the longest good row: its texts and metadata at 12 bytes a character (JSON escapes).
MAX_LINE_BYTES = 2 * 1024 * 1024

BOM = b"\xef\xbb\xbf"
_SEPARATOR = re.compile(rb"\"?sep=.\"?\s*", re.IGNORECASE)


class Line(NamedTuple):
    """A line with its line end, which is LF only. `whole` is False when the rest was dropped."""

    number: int
    data: bytes
    whole: bool

    @property
    def blank(self) -> bool:
        return not self.data.strip(b" \t\r\n")

    @property
    def names_separator(self) -> bool:
        """Whether it is the first line by which a CSV file tells Excel its delimiter: `sep=;`."""
        return self.number == 1 and _SEPARATOR.fullmatch(self.data) is not None


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Give the lines from the start of `file`, numbered from 1, without a byte order mark."""
    number = 0
    while data := file.readline(MAX_LINE_BYTES):
        number += 1
        whole = len(data) < MAX_LINE_BYTES or data.endswith(b"\n") or not _skip_line(file)
        yield Line(number, data.removeprefix(BOM) if number == 1 else data, whole)


def _skip_line(file: BinaryIO) -> bool:
    """Read on to the end of the line; tell whether there was anything to drop."""
    dropped = False
    while rest := file.readline(MAX_LINE_BYTES):
        dropped = True
        if rest.endswith(b"\n"):
            break
    return dropped

"""The bad rows of a run as CSV: line, reason, raw."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from app.errors import InputError
from app.files.lines import read_lines
from app.files.records import UNCLOSED, read_records, record_fields
from app.files.rows import BadRow

HEADER = ("line", "reason", "raw")
HEADER_BYTES = b"line,reason,raw\r\n"


def write_rejects(path: str | Path, bad_rows: Iterable[BadRow]) -> int:
    """Add the rows to the rejects file at `path`; return how many were given."""
    with RejectsFile(path) as rejects:
        for bad in bad_rows:
            rejects.add(bad)
    return rejects.count


class RejectsFile:
    """Takes bad rows one at a time and has each on disk before it takes the next.

    The file is made at the first bad row: a run without one leaves no file. A file that is there
    is added to: a row that it already holds is not written again, so a run that resumes may
    give all its bad rows anew, and a half row left by a crash is cut off first. Rows go by what
    they hold: use one file for each input file. Raise InputError when the path can't be written
    or holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        #: Bad rows given so far, written now or found there.
        self.count = 0
        self._file: BinaryIO | None = None
        self._held: set[int] = set()

    def add(self, bad: BadRow) -> None:
        """Write one bad row, unless the file has it."""
        file = self._file or self._open()
        self.count += 1
        cells = (str(bad.line), bad.reason, bad.raw)
        if hash(cells) not in self._held:
            self._held.add(hash(cells))
            try:
                file.write(_encoded(cells))
                file.flush()
            except OSError as error:
                raise self._unwritable(error) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> BinaryIO:
        try:
            file = self.path.open("a+b")
        except OSError as error:
            raise self._unwritable(error) from error
        self._file = file
        self._take_over(file)
        return file

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self.path} can't be written: {error.strerror}", field="rejects")

    def _take_over(self, file: BinaryIO) -> None:
        """Learn the rows of the file, and cut it at the first that is not whole."""
        file.seek(0)
        records = read_records(read_lines(file), ",")
        first = next(records, None)
        if first is None or HEADER_BYTES.startswith(first.data):
            if first is None or first.data != HEADER_BYTES:
                file.truncate(0)
                file.write(HEADER_BYTES)
        elif record_fields(first, ",") != list(HEADER):
            raise InputError(
                f"{self.path} is there and is no rejects file: move it away, or name another",
                field="rejects",
            )
        for record in records:
            if record.problem == UNCLOSED or not record.data.endswith(b"\n"):
                file.truncate(_start_of_line(file, record.line))
                break
            fields = record_fields(record, ",")
            if not isinstance(fields, BadRow):  # a row changed by hand stays as it is
                self._held.add(hash(tuple(fields)))


def _start_of_line(file: BinaryIO, number: int) -> int:
    file.seek(0)
    return sum(map(len, islice(file, number - 1)))


def _encoded(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")

"""The bad rows of a run as CSV: line, reason, raw."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from app.errors import InputError
from app.files.lines import read_lines
from app.files.records import read_records, record_fields
from app.files.rows import BadRow

HEADER = ("line", "reason", "raw")


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
            file.write(_encoded(cells))
            file.flush()

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
            raise InputError(
                f"{self.path} can't be written: {error.strerror}", field="rejects"
            ) from error
        self._file = file
        file.seek(0)
        end = self._take_over(file)
        file.truncate(end)
        if not end:
            file.write(_encoded(HEADER))
        return file

    def _take_over(self, file: BinaryIO) -> int:
        """Learn the rows of the file; return where the last whole one ends."""
        end = 0
        for record in read_records(read_lines(file), ","):
            fields = record_fields(record, ",")
            if isinstance(fields, BadRow) or not record.data.endswith(b"\n"):
                break
            if end == 0 and tuple(fields) != HEADER:
                break
            self._held.add(hash(tuple(fields)))
            end += len(record.data)
        if end == 0 and file.seek(0, io.SEEK_END) > len(_encoded(HEADER)):
            raise InputError(
                f"{self.path} is there and is no rejects file: move it away, or name another",
                field="rejects",
            )
        return end


def _encoded(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")

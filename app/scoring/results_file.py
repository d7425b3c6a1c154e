"""Judged rows as CSV or JSONL, in the order of their file; one that is there is continued."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from app.core.gate import Score
from app.errors import InputError, ScoreFailure
from app.files import BadRow, check_results_path
from app.files.lines import read_lines
from app.files.records import read_records, record_fields
from app.files.write import no_formula
from app.scoring.judged import Judged
from app.scoring.summary import METRICS

COLUMNS = (
    "line",
    "question",
    "candidate",
    "reference",
    "precision",
    "recall",
    "f1",
    "cut",
    "verdict",
    "why",
    "guards",
    "scorer",
    "metadata",
)


class ResultsFile:
    """Takes judged rows; what `earlier` gave stays, what follows it is cut off and written anew.

    Raises InputError when the path can't be written or holds something else.
    """

    def __init__(self, path: Path, *, spreadsheet: bool = False, fresh: bool = False) -> None:
        self.path = check_results_path(path)
        self._fresh = fresh
        self._csv = path.suffix.lower() == ".csv"
        self._cell: Callable[[Any], Any] = (
            no_formula if self._csv and spreadsheet else lambda cell: cell
        )
        self._whole = 0
        self._file: BinaryIO | None = None

    def earlier(self) -> Iterator[dict[str, Any]]:
        """Give the rows of an earlier run, with the values as `row_of` has them, as text in CSV.

        Ends before a row that is not whole: a crash may have left half of one. None with `fresh`.
        """
        self._whole = 0
        try:
            if self.path.exists() and not self._fresh:
                with self.path.open("rb") as file:
                    yield from self._csv_rows(file) if self._csv else self._json_rows(file)
        except OSError as error:
            raise self._wrong(f"can't be read: {error.strerror}") from error

    def _csv_rows(self, file: BinaryIO) -> Iterator[dict[str, Any]]:
        records = read_records(read_lines(file), ",")
        header = next(records, None)
        if header is None:
            return
        if record_fields(header, ",") != list(COLUMNS):
            raise self._wrong("is there and holds something else")
        self._whole = file.tell()
        for record in records:
            cells = record_fields(record, ",")
            if isinstance(cells, BadRow) or not record.data.endswith(b"\n"):
                return
            if len(cells) != len(COLUMNS):
                raise self._wrong(f"line {record.line}: it has {len(cells)} columns")
            self._whole = file.tell()
            yield dict(zip(COLUMNS, cells, strict=True))

    def _json_rows(self, file: BinaryIO) -> Iterator[dict[str, Any]]:
        for line in read_lines(file):
            if not line.data.endswith(b"\n"):
                return
            try:
                row = json.loads(line.data)
            except ValueError:
                row = None
            if not isinstance(row, dict) or set(row) != set(COLUMNS):
                raise self._wrong(f"line {line.number}: this is no row of scores")
            self._whole = file.tell()
            yield row

    def open(self) -> None:
        """Begin to write behind the rows that `earlier` gave last."""
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "xb")
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
        except OSError as error:
            raise self._wrong(f"can't be written: {error.strerror}") from error
        if self._csv and not self._whole:
            self._put(_csv_line(COLUMNS))

    def add(self, rows: Sequence[Judged], scorer: str) -> None:
        """Write rows; they are on their way to the disk when it returns."""
        self._put(b"".join(self._encoded(row_of(each, scorer)) for each in rows))

    def holds(self, kept: dict[str, Any], judged: Judged, scorer: str) -> bool:
        """Tell whether an earlier row is what would be written now."""
        return self._as_read(row_of(judged, scorer)) == kept

    def outcome(self, kept: dict[str, Any]) -> Score | ScoreFailure | None:
        """Return what the scorer said of an earlier row. Raises InputError when it is no row."""
        if kept["verdict"] == "unscored":
            return None
        if kept["verdict"] == "error":
            return ScoreFailure(str(kept["why"]))
        try:
            figures = [float(kept[name]) for name in METRICS]
            return Score(*figures, cut=kept["cut"] in (True, "true"))
        except (ValueError, TypeError) as error:
            raise self._wrong(f"line {kept['line']} of its file: no score ({error})") from None

    def _encoded(self, row: dict[str, Any]) -> bytes:
        if self._csv:
            return _csv_line(self._cells(row))
        return _json(row).encode("utf-8", "backslashreplace") + b"\n"

    def _cells(self, row: dict[str, Any]) -> list[Any]:
        return [self._cell(_shown(name, row[name])) for name in COLUMNS]

    def _as_read(self, row: dict[str, Any]) -> dict[str, Any]:
        if not self._csv:
            return row
        texts = ["" if cell is None else str(cell) for cell in self._cells(row)]
        return dict(zip(COLUMNS, texts, strict=True))

    def _put(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101 (opened before)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._wrong(f"can't be written: {error.strerror}") from error

    def _wrong(self, what: str) -> InputError:
        return InputError(f"{self.path} {what}; name another --out, or use --fresh", field="out")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def row_of(judged: Judged, scorer: str) -> dict[str, Any]:
    """Return the row of COLUMNS as JSON has it."""
    row, score = judged.row, judged.score
    return {
        "line": row.line,
        "question": row.question,
        "candidate": row.candidate,
        "reference": row.reference,
        "precision": score.precision if score else None,
        "recall": score.recall if score else None,
        "f1": score.f1 if score else None,
        "cut": score.cut if score else None,
        "verdict": judged.verdict,
        "why": judged.why,
        "guards": [each.why for each in judged.objections],
        "scorer": scorer if score else None,
        "metadata": row.more,
    }


def _shown(name: str, value: Any) -> Any:
    """Return a value as a CSV cell."""
    match name:
        case "guards":
            return "; ".join(value)
        case "metadata":
            return _json(value)
        case "cut":
            return "" if value is None else str(value).lower()
        case _:
            return value


def _csv_line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

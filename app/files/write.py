"""Write the results of a run to CSV or JSONL, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from app.errors import InputError

#: The columns of a result as CSV. `attempts` is their number, `tokens` and `prompt_tokens` are
#: sums over them (empty where no server told), `metadata` is JSON. New ones come
#: last: programs may know the others by their place.
COLUMNS = (
    "question_id",
    "status",
    "question_text",
    "original_answer",
    "answer",
    "precision",
    "recall",
    "f1",
    "threshold",
    "scorer",
    "generation",
    "cause",
    "attempts",
    "accepted_at",
    "finished_at",
    "metadata",
    "metric",
    "gate",
    "library",
    "rescaled",
    "why",
    "tokens",
    "prompt_tokens",
)

#: Spreadsheets take a text that begins so for a formula, which may start programs or send data.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

RowWriter = Callable[[dict[str, Any]], None]


def check_results_path(path: str | Path) -> Path:
    """Return `path` when results can go there, else raise InputError: before the run, not after."""
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise InputError(
            f"{path}: results go to a file that ends in {' or '.join(_WRITERS)}", field="out"
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it", field="out")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder: make it first", field="out")
    return path


def write_results(
    path: str | Path, rows: Iterable[dict[str, Any]], *, spreadsheet: bool = False
) -> int:
    """Write rows in the shape of `StoredQuestion.as_json()`; return how many.

    `.jsonl` takes each row as it is, `.csv` the columns of COLUMNS (None is an empty cell). With
    `spreadsheet`, a text in a CSV that a spreadsheet would take for a formula gets a `'` before it:
    it is not exact any more, and it does nothing when the file is opened. The
    file appears, or replaces the old one, only when all rows are on disk; when `rows` raises,
    the old file stays. Raise InputError when `path` can't be written.
    """
    count = 0
    with writing_results(path, spreadsheet=spreadsheet) as write:
        for row in rows:
            write(row)
            count += 1
    return count


@contextmanager
def writing_results(path: str | Path, *, spreadsheet: bool = False) -> Iterator[RowWriter]:
    """Give what writes one row; the file is there, as `write_results` has it, after the block."""
    path = check_results_path(path)
    with replacing(path) as file:
        write = _WRITERS[path.suffix.lower()](file, spreadsheet)

        def write_row(row: dict[str, Any]) -> None:
            with _as_input_error(path):
                write(row)

        yield write_row


def _csv_writer(file: TextIO, spreadsheet: bool) -> RowWriter:
    writer = csv.writer(file)
    writer.writerow(COLUMNS)

    def write(row: dict[str, Any]) -> None:
        whole = {**_tokens(row), **row}
        cells = [_cell(column, whole.get(column)) for column in COLUMNS]
        writer.writerow([no_formula(cell) for cell in cells] if spreadsheet else cells)

    return write


def _tokens(row: dict[str, Any]) -> dict[str, int]:
    """Return the sums of what is known of the attempts' tokens."""
    attempts = row.get("attempts")
    known = {
        name: [each[name] for each in attempts if each.get(name) is not None]
        for name in ("tokens", "prompt_tokens")
        if isinstance(attempts, list)
    }
    return {name: sum(found) for name, found in known.items() if found}


def no_formula(cell: Any) -> Any:
    """Return a cell that a spreadsheet shows and does not run."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _jsonl_writer(file: TextIO, _: bool) -> RowWriter:
    def write(row: dict[str, Any]) -> None:
        file.write(_json(row) + "\n")

    return write


_WRITERS: dict[str, Callable[[TextIO, bool], RowWriter]] = {
    ".csv": _csv_writer,
    ".jsonl": _jsonl_writer,
}


def _cell(column: str, value: Any) -> Any:
    if column == "attempts":
        return value if isinstance(value, int) else len(value or ())
    if column == "metadata":
        return _json(value or {})
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Give a new file beside `path`'s target; put it in its place when the block ends well.

    Raises InputError when it can't be made or moved.
    """
    target = path.resolve()
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    with _as_input_error(path):
        file = part.open("x", encoding="utf-8", errors="backslashreplace", newline="")
    try:
        with file:
            yield file
            with _as_input_error(path):
                file.flush()
                os.fsync(file.fileno())
        with _as_input_error(path):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}", field="out") from error

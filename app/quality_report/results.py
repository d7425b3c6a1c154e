"""Results files of `run --out` read back: JSONL with every attempt, CSV with their number."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from app.errors import InputError
from app.quality_report.rows import Row, RowError, row_of

_NUMBERS = ("precision", "recall", "f1", "threshold")
_COUNTS = ("generation", "attempts", "tokens", "prompt_tokens")
_NEEDED = ("question_text", "status")
#: A question, its reference and answers of 32,000 characters each, and room.
_FIELD_LIMIT = 4 * 1024 * 1024


def read_results(path: Path) -> Iterator[tuple[dict[str, Any], Row]]:
    """Give each result as it was written, and as the report reads it, in the file's order.

    Raises InputError, naming the line, for what is no result.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"{path}: results are read from .jsonl or .csv, as run --out writes them")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    return _checked(path, _READERS[suffix](path))


def _checked(path: Path, found: Iterator[tuple[int, Any]]) -> Iterator[tuple[dict[str, Any], Row]]:
    try:
        for line, result in found:
            if not isinstance(result, dict):
                raise InputError(f"{path}, line {line}: this is no JSON object")
            try:
                yield result, row_of(result)
            except RowError as error:
                raise InputError(f"{path}, line {line}: this is no result: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from error


def _jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"{path}, line {number}: this is not JSON: {error}") from None


def _csv(path: Path) -> Iterator[tuple[int, Any]]:
    limit = csv.field_size_limit(_FIELD_LIMIT)  # of the whole process: others have theirs
    try:
        yield from _csv_rows(path)
    finally:
        csv.field_size_limit(limit)


def _csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: no column {missing[0]}: is it a file of run --out?")
            for cells in reader:
                yield reader.line_num, _result_of(cells)
        except csv.Error as error:  # the line that it breaks on is not counted yet
            raise InputError(f"{path}, line {reader.line_num + 1}: {error}") from None


def _result_of(cells: dict[str, Any]) -> dict[str, Any]:
    """Return a CSV row in the shape of JSONL. Empty cells are None; its attempts are a number."""
    result = {name: value if value != "" else None for name, value in cells.items() if name}
    for name in _NUMBERS:
        result[name] = _number(result.get(name))
    for name in _COUNTS:
        number = _number(result.get(name))
        result[name] = None if number is None else int(number)
    try:
        metadata = json.loads(result.get("metadata") or "{}")
    except (ValueError, RecursionError):
        metadata = {}
    result["metadata"] = metadata if isinstance(metadata, dict) else {}
    return result


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


_READERS = {".jsonl": _jsonl, ".csv": _csv}

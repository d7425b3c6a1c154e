"""Which format a file has: what its name says and what its first line shows must agree."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from app.errors import InputError
from app.files.csv_questions import has_question_column
from app.files.lines import Line, read_lines
from app.files.yahoo_answers import looks_like_yahoo


class Format(StrEnum):
    """The formats that `run` reads. The values are those of `--format`."""

    CSV = "csv"
    JSONL = "jsonl"
    YAHOO = "yahoo"


_BY_EXTENSION = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".tab": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
}
_LABEL = {
    Format.CSV: "CSV with a header",
    Format.JSONL: "JSONL",
    Format.YAHOO: "a Yahoo! Answers CSV",
}
_COMPRESSED = "is compressed: unpack it first ({})"
_MAGIC = {
    b"\x1f\x8b": _COMPRESSED.format("gunzip -k FILE"),
    b"BZh": _COMPRESSED.format("bunzip2 -k FILE"),
    b"\xfd7zXZ\0": _COMPRESSED.format("unxz -k FILE"),
    b"\x28\xb5\x2f\xfd": _COMPRESSED.format("unzstd FILE"),
    b"PK\x03\x04": "is a zip archive or a workbook: unpack it, or save the sheet as CSV UTF-8",
    b"\xff\xfe": "is UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
    b"\xfe\xff": "is UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
    b"PAR1": "is a Parquet file: export it as CSV or JSONL",
    b"SQLite format 3\0": "is an SQLite database: export the questions as CSV or JSONL",
    b"\x89PNG": "is an image: give CSV or JSONL text",
    b"\xff\xd8\xff": "is an image: give CSV or JSONL text",
    b"%PDF": "is a PDF: export the questions as CSV or JSONL",
}
_HEAD_BYTES = 4096
#: A NUL in the first bytes, or many in the first page: binary. One further on: a bad row.
_NUL_BYTES = 8
_NUL_SHARE = 0.1
_NUL_SHARE_FROM_BYTES = 256


def detect_format(path: Path, given: str | None = None) -> Format:
    """Return the format of the file, `given` when it is set (one of Format's values).

    Raise InputError when the file can't be read as text, is empty, holds no known format, or
    holds another one than its name says.
    """
    first = first_line(path)
    if given is not None:
        return _named(given)
    by_name = _BY_EXTENSION.get(path.suffix.lower())
    by_content = _by_content(path, first)
    if by_content is None:
        if by_name is None:
            raise InputError(
                f"{path}: the format can't be told from the name or from line {first.number}. "
                f"Give it with --format ({', '.join(Format)})",
                field="format",
            )
        return by_name
    if by_name is None or by_name is by_content or _both_csv(by_name, by_content):
        return by_content
    raise InputError(
        f"{path}: the name says {_LABEL[by_name]}, line {first.number} looks like "
        f"{_LABEL[by_content]}. Rename the file, or say which with --format {by_content}",
        field="format",
    )


def first_line(path: Path) -> Line:
    """Return the first line that is not blank. Raise InputError when `path` is no text file."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give a file in it", field="file")
        if path.exists() and not path.is_file():
            raise InputError(
                f"{path} is no regular file (a pipe or device): save it to a file first, "
                "since a run reads its file again when it resumes",
                field="file",
            )
        with path.open("rb") as file:
            _refuse_binary(path, file.read(_HEAD_BYTES))
            file.seek(0)
            first = next(filter(_says_something, read_lines(file)), None)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the path", field="file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} can't be read: {reason}", field="file") from error
    if first is None:
        raise InputError(f"{path} is empty: it needs at least one question", field="file")
    if b"\r" in first.data.rstrip(b"\r\n") and not (first.whole and first.data.endswith(b"\n")):
        raise InputError(
            f"{path} has old Macintosh line ends (CR): convert them, tr '\\r' '\\n' < OLD > NEW",
            field="file",
        )
    return first


def _says_something(line: Line) -> bool:
    return not (line.blank or line.names_separator)


def _refuse_binary(path: Path, head: bytes) -> None:
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(f"{path} {what}", field="file")
    many = len(head) >= _NUL_SHARE_FROM_BYTES and head.count(b"\0") > _NUL_SHARE * len(head)
    if b"\0" in head[:_NUL_BYTES] or many:
        raise InputError(f"{path} is a binary file: give CSV or JSONL text in UTF-8", field="file")


def _by_content(path: Path, first: Line) -> Format | None:
    text = first.data.strip()
    if text.startswith(b"[") or text == b"{":
        raise InputError(
            f"{path}, line {first.number}: this is one JSON document, not an object in each "
            "line. Convert it: jq -c '.[]' FILE > FILE.jsonl (or jq -c . for one object)",
            field="format",
        )
    if text.startswith(b"{"):
        return Format.JSONL
    if has_question_column(first):
        return Format.CSV
    return Format.YAHOO if looks_like_yahoo(first) else None


def _both_csv(by_name: Format, by_content: Format) -> bool:
    return by_name is Format.CSV and by_content is Format.YAHOO


def _named(given: str) -> Format:
    try:
        return Format(given)
    except ValueError:
        raise InputError(
            f"no format is named {given!r}: use {', '.join(Format)}", field="format"
        ) from None

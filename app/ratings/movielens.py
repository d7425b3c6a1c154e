"""MovieLens `ratings.csv` (also `.gz`), in bounded memory: good ratings, and bad rows by rule.

The columns are userId, movieId, rating and timestamp in Unix seconds, as the header names them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from app.core.ratings.events import MAX_TIMESTAMP_MS, Rating, RatingLimits, Refusal, Rule
from app.errors import InputError
from app.files.lines import Line, read_lines
from app.files.records import Record, record_fields
from app.files.rows import BadRow, bad_row, bytes_problem
from app.wire.ratings import check_rating

COLUMNS = ("userId", "movieId", "rating", "timestamp")
HEADER = ",".join(COLUMNS)
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE_ROWS = 20_000
_MAX_DIGITS = 18
#: Seconds above this are milliseconds by mistake (or lie after the year 5138).
_MAX_SECONDS = 100_000_000_000
_RATINGS = {str(n / 2).encode(): n / 2 for n in range(1, 11)} | {
    str(n).encode(): float(n) for n in range(1, 6)
}


class BadRating(NamedTuple):
    """A row that is no valid rating: the first rule it breaks, and the row for people."""

    rule: Rule
    row: BadRow
    """`reason` begins with the rule."""


class _Header(NamedTuple):
    """Where the four columns are, and how many there are in all."""

    order: tuple[int, ...]
    width: int


_ORDINARY = _Header((0, 1, 2, 3), 4)


def read_movielens(path: str | Path, limits: RatingLimits) -> Iterator[Rating | BadRating]:
    """Give every row below the header, good or bad; blank lines are skipped.

    What is wrong with the file as a whole raises InputError here, before the first row is asked
    for; a file that breaks off in its compressed data raises it at that place.
    """
    path = Path(path)
    header = _read_header(path)
    return _rows(path, header, limits)


def estimate_rows(path: str | Path) -> int:
    """Estimate the number of rows from the first ones: for progress bars. Raises InputError."""
    with _open(Path(path)) as (file, raw):
        size = Path(path).stat().st_size
        lines = -1
        for line in read_lines(file):
            lines += not line.blank
            if lines >= _SAMPLE_ROWS:
                return max(lines, round(lines * size / max(1, raw.tell())))
    return max(0, lines)


def _rows(path: Path, header: _Header, limits: RatingLimits) -> Iterator[Rating | BadRating]:
    users, movies = limits.max_user_id, limits.max_movie_id
    with _open(path) as (file, _):
        lines = read_lines(file)
        next(_after_blank(lines))
        for line in lines:
            parts = line.data.rstrip(b"\r\n").split(b",")
            if header == _ORDINARY and len(parts) == 4:
                user, movie, stars, seconds = parts
                rating = _RATINGS.get(stars)
                if (
                    rating is not None
                    and user.isdigit()
                    and movie.isdigit()
                    and seconds.isdigit()
                    and len(user) + len(movie) + len(seconds) <= _MAX_DIGITS + 9
                ):
                    found = Rating(int(user), int(movie), rating, int(seconds) * 1000)
                    if (
                        0 < found.userId <= users
                        and 0 < found.movieId <= movies
                        and 0 < found.timestamp <= MAX_TIMESTAMP_MS
                    ):
                        yield found
                        continue
            if not line.blank:
                yield _careful(line, header, limits)


def _careful(line: Line, header: _Header, limits: RatingLimits) -> Rating | BadRating:
    """Read a row that is not ordinary, and say what is wrong with it."""
    problem = None if line.whole else "the row is far too long"
    fields = record_fields(Record(line.number, line.data, problem), ",")
    if isinstance(fields, BadRow):
        return _bad(line, Rule.MALFORMED, fields.reason)
    if len(fields) != header.width:
        reason = f"{len(fields)} columns where there must be {header.width}"
        return _bad(line, Rule.MALFORMED, reason)
    named = {name: fields[at].strip() for name, at in zip(COLUMNS, header.order, strict=True)}
    empty = [name for name, text in named.items() if not text]
    if empty:
        return _bad(line, Rule.MISSING, f"{', '.join(empty)} is empty")
    values: dict[str, object] = {}
    for name, text in named.items():
        value = _number(text, whole=name != "rating")
        if value is None:
            kind = "a number" if name == "rating" else "an integer"
            return _bad(line, Rule.TYPE, f"{name} is {text[:80]!r}, not {kind}")
        values[name] = value
    return _checked(line, values, limits)


def _checked(line: Line, values: dict[str, object], limits: RatingLimits) -> Rating | BadRating:
    seconds = cast(int, values["timestamp"])
    if seconds > _MAX_SECONDS:
        return _bad(
            line,
            Rule.TIMESTAMP,
            f"timestamp {seconds} is not in seconds since 1970 (are these milliseconds?)",
        )
    found = check_rating({**values, "timestamp": seconds * 1000}, limits)
    return _bad(line, *found) if isinstance(found, Refusal) else found


def _bad(line: Line, rule: Rule, detail: str) -> BadRating:
    return BadRating(rule, bad_row(line.number, f"{rule}: {detail}", line.data))


def _number(text: str, *, whole: bool) -> int | float | None:
    digits = text.removeprefix("-")
    if not text.isascii() or len(text) > _MAX_DIGITS:
        return None
    if whole:
        return int(text) if digits.isdigit() else None
    before, _, after = digits.partition(".")
    if not (before + after).isdigit():
        return None
    return float(text)


def _read_header(path: Path) -> _Header:
    with _open(path) as (file, _):
        first = next(_after_blank(read_lines(file)), None)
    if first is None:
        raise InputError(f"{path} is empty: its first line must be {HEADER}", field="header")
    if bytes_problem(first.data) or first.data.startswith(_UTF16):
        raise InputError(f"{path}: the first line is no text in UTF-8: save it so", field="header")
    text = first.data.decode().strip()
    fields = record_fields(Record(first.number, first.data, None), ",")
    names = [] if isinstance(fields, BadRow) else [name.strip() for name in fields]
    known = [name.lower() for name in names]
    missing = [name for name in COLUMNS if known.count(name.lower()) != 1]
    if missing:
        raise InputError(f"{path}: {_why_no_header(text, known, missing)}", field="header")
    return _Header(tuple(known.index(name.lower()) for name in COLUMNS), len(known))


def _why_no_header(text: str, known: list[str], missing: list[str]) -> str:
    wanted = f"the first line must name the columns: {HEADER}"
    if "::" in text:
        return (
            f"the columns are separated by :: (MovieLens 1M and 10M); {wanted}. Mend: "
            f"(echo {HEADER}; sed 's/::/,/g' ratings.dat) > ratings.csv"
        )
    for name, delimiter in (("semicolons", ";"), ("tabs", "\t")):
        if text.count(delimiter) >= 3 and len(known) < 4:
            return f"the columns are separated by {name}, not commas; {wanted}"
    if known and all(part.replace(".", "", 1).isdigit() for part in known):
        return f"there is no header; {wanted}"
    twice = [name for name in missing if known.count(name.lower()) > 1]
    if twice:
        return f"the header has {twice[0]} more than once; {wanted}"
    return f"the header has no column {', '.join(missing)} (it reads {text[:80]!r}); {wanted}"


def _after_blank(lines: Iterator[Line]) -> Iterator[Line]:
    return (line for line in lines if not line.blank)


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give the file's text as bytes, and the raw file below it. Raises InputError."""
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
            raw.seek(0)
            if start == _ZIP:
                raise InputError(f"{path} is a zip archive: unpack its ratings.csv first")
            if not start.startswith(_GZIP):
                yield raw, raw
                return
            with gzip.open(raw) as unpacked:
                yield cast(BinaryIO, unpacked), raw
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: the compressed data are damaged: {error}") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error

"""MovieLens files: good rows as ratings, every bad row by line and rule, odd files explained."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.ratings.events import Rating, RatingLimits, Rule
from app.errors import InputError
from app.ratings.movielens import BadRating, estimate_rows, read_movielens

HEADER = b"userId,movieId,rating,timestamp\n"
LIMITS = RatingLimits(138_493, 131_262)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(body: bytes, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(body)
        return path

    return write


def read(path: Path) -> list[Rating | BadRating]:
    return list(read_movielens(path, LIMITS))


def test_seconds_become_milliseconds(write: Write) -> None:
    assert read(write(HEADER + b"1,2,3.5,1112486027\n7,32,4,1112484676\n")) == [
        Rating(1, 2, 3.5, 1_112_486_027_000),
        Rating(7, 32, 4.0, 1_112_484_676_000),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + HEADER + b"1,2,3.5,1112486027\n",
        HEADER.replace(b"\n", b"\r\n") + b"1,2,3.5,1112486027\r\n",
        HEADER + b"1,2,3.5,1112486027",
        HEADER + b"\n\n1,2,3.5,1112486027\n\n",
        b"\n" + HEADER + b"1,2,3.5,1112486027\n",
        b"USERID,MovieId,Rating,timestamp\n1,2,3.5,1112486027\n",
        b'"userId","movieId","rating","timestamp"\n"1","2","3.5","1112486027"\n',
        HEADER + b" 1 , 2 , 3.50 , 1112486027 \n",
        HEADER + b"01,2,3.5,1112486027\n",
        b"rating,title,timestamp,movieId,userId\n3.5,Toy Story,1112486027,2,1\n",
        b"userId,movieId,rating,timestamp,note\n1,2,3.5,1112486027,\n",
        b'title,userId,movieId,rating,timestamp\n"Hello, Dolly",1,2,3.5,1112486027\n',
        gzip.compress(HEADER + b"1,2,3.5,1112486027\n", mtime=0),
    ],
)
def test_the_forms_that_programs_write(write: Write, body: bytes) -> None:
    assert read(write(body)) == [Rating(1, 2, 3.5, 1_112_486_027_000)]


@pytest.mark.parametrize(
    ("row", "rule", "words"),
    [
        (b"1,2,3.5", Rule.MALFORMED, "3 columns where there must be 4"),
        (b"1,2,3.5,1112486027,9", Rule.MALFORMED, "5 columns"),
        (b"1;2;3.5;1112486027", Rule.MALFORMED, "1 columns"),
        (b"1,2,3.5,\xff", Rule.MALFORMED, "not UTF-8"),
        (b"1,2,3.5,11\x0012", Rule.MALFORMED, "NUL"),
        (b'"1,2,3.5,1112486027', Rule.MALFORMED, "columns"),
        (b"1,,3.5,1112486027", Rule.MISSING, "movieId is empty"),
        (b",2, ,1112486027", Rule.MISSING, "userId, rating is empty"),
        (b"abc,2,3.5,1112486027", Rule.TYPE, "userId is 'abc', not an integer"),
        (b"1,2.0,3.5,1112486027", Rule.TYPE, "movieId is '2.0', not an integer"),
        (b"1_0,2,3.5,1112486027", Rule.TYPE, "userId is '1_0'"),
        ("٣,2,3.5,1112486027".encode(), Rule.TYPE, "userId"),
        (b"1,2,nan,1112486027", Rule.TYPE, "rating is 'nan', not a number"),
        (b"1,2,inf,1112486027", Rule.TYPE, "rating is 'inf'"),
        (b"1,2,4e0,1112486027", Rule.TYPE, "rating is '4e0'"),
        (b"1,2,.,1112486027", Rule.TYPE, "rating is '.'"),
        (b"1,2,3.5,2005-04-02", Rule.TYPE, "timestamp is '2005-04-02'"),
        (b"1" * 400 + b",2,3.5,1112486027", Rule.TYPE, "userId"),
        (b"0,2,3.5,1112486027", Rule.USER_ID, "userId 0 is not in 1..138493"),
        (b"138494,2,3.5,1112486027", Rule.USER_ID, "138494"),
        (b"-1,2,3.5,1112486027", Rule.USER_ID, "userId -1"),
        (b"1,131263,3.5,1112486027", Rule.MOVIE_ID, "131263"),
        (b"1,2,0,1112486027", Rule.RATING, "rating 0.0"),
        (b"1,2,3.2,1112486027", Rule.RATING, "3.2"),
        (b"1,2,5.5,1112486027", Rule.RATING, "5.5"),
        (b"1,2,-1,1112486027", Rule.RATING, "-1.0"),
        (b"1,2,3.5,0", Rule.TIMESTAMP, "timestamp 0"),
        (b"1,2,3.5,-5", Rule.TIMESTAMP, "-5000"),
        (b"1,2,3.5,1112486027000", Rule.TIMESTAMP, "are these milliseconds?"),
    ],
)
def test_a_bad_row_names_its_line_and_rule_and_costs_only_itself(
    write: Write, row: bytes, rule: Rule, words: str
) -> None:
    good = b"1,2,3.5,1112486027\n"
    first, bad, last = read(write(HEADER + good + row + b"\n" + good))
    assert isinstance(bad, BadRating)
    assert (bad.rule, bad.row.line) == (rule, 3)
    assert bad.row.reason.startswith(f"{rule}: ")
    assert words in bad.row.reason
    assert first == last == Rating(1, 2, 3.5, 1_112_486_027_000)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"1,2,3.5,1112486027\n", "there is no header"),
        (b"1::1193::5::978300760\n", "MovieLens 1M"),
        (b"userId;movieId;rating;timestamp\n", "semicolons"),
        (b"196\t242\t3\t881250949\n", "tabs"),
        (b"userId,movieId,rating\n", "no column timestamp"),
        (b"user,movie,rating,timestamp\n", "no column userId, movieId"),
        (b"userId,userId,movieId,rating,timestamp\n", "userId more than once"),
        (b"\xff\xfeu\x00s\x00", "UTF-8"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x1f\x8bnonsense", "damaged"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(write: Write, body: bytes, words: str) -> None:
    path = write(body)
    with pytest.raises(InputError, match=words) as error:
        read_movielens(path, LIMITS)
    assert "ratings.csv" in str(error.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_movielens(tmp_path / "none.csv", LIMITS)
    with pytest.raises(InputError, match="can't be read"):
        estimate_rows(tmp_path)


def test_a_file_that_breaks_off_gives_its_rows_and_then_says_so(write: Write) -> None:
    rows = b"".join(b"%d,2,3.5,%d\n" % (n, 1_112_486_027 + n * n) for n in range(1, 30_000))
    whole = gzip.compress(HEADER + rows)
    found = read_movielens(write(whole[: len(whole) // 2], "ratings.csv.gz"), LIMITS)
    assert next(found) == Rating(1, 2, 3.5, 1_112_486_028_000)
    with pytest.raises(InputError, match="damaged"):
        list(found)


FIELD = st.one_of(
    st.integers(-2, 140_000).map(str),
    st.sampled_from(["0.5", "3.5", "4", "5.0", "5.5", "03", "1112486027", "1112486027000", "+1"]),
    st.text("0123456789.-+ e_", max_size=22),
)


@given(st.lists(FIELD, min_size=3, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_the_fast_reading_accepts_just_what_the_careful_one_does(
    write: Write, fields: list[str]
) -> None:
    """With a fifth column, which is ignored, every row is read carefully."""
    row = ",".join(fields)
    fast = read(write(HEADER + f"{row}\n".encode()))
    wide = HEADER.replace(b"\n", b",note\n")
    careful = read(write(wide + f"{row},x\n".encode(), "wide.csv"))
    if len(fields) != 4:
        assert all(isinstance(each, BadRating) for each in fast)
        return
    [one], [other] = fast, careful
    if isinstance(one, BadRating):
        assert isinstance(other, BadRating)
        assert (one.rule, one.row.reason) == (other.rule, other.row.reason), row
    else:
        assert one == other


def test_rows_are_counted_or_estimated(write: Write) -> None:
    rows = [b"%d,2,3.5,1112486027\n" % n for n in range(10_000, 70_000)]
    assert estimate_rows(write(HEADER + b"".join(rows[:100]))) == 100
    path = write(HEADER + b"".join(rows))
    assert estimate_rows(path) == pytest.approx(60_000, rel=0.02)
    assert estimate_rows(write(HEADER)) == 0

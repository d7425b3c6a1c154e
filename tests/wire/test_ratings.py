"""Rating events on the wire: one rule for each refusal, and two readings that agree."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.ratings.checking import read_carefully
from app.core.ratings.events import MAX_TIMESTAMP_MS, Rating, RatingLike, Refusal, Rule
from app.transports import RawRecord
from app.wire.ratings import RatingReader, check_rating, encode_rating, rating_key
from tests.wire.rating_poison import BAD, FIELDS, GOOD, KEY, LIMITS, UNUSUAL, but

READER = RatingReader(LIMITS)


def plain(found: RatingLike | Refusal) -> Rating | Refusal:
    if isinstance(found, Refusal):
        return found
    return Rating(found.userId, found.movieId, found.rating, found.timestamp)


@pytest.mark.parametrize("name", BAD)
def test_every_bad_event_is_refused_by_the_first_rule_it_breaks(name: str) -> None:
    key, value, rule = BAD[name]
    found = READER.read(key, value)
    assert isinstance(found, Refusal)
    assert (found.rule, found.rule.value) == (Rule(rule), rule)
    assert 0 < len(found.detail) < 400
    assert found.detail.isprintable()


def test_every_rule_has_bad_events() -> None:
    assert {rule for _, _, rule in BAD.values()} == {rule.value for rule in Rule}


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_spelling_is_read_all_the_same(name: str) -> None:
    value = UNUSUAL[name]
    assert plain(READER.read(KEY, value)) == Rating(**json.loads(value))


def test_a_chunk_is_read_as_its_events_are_one_by_one() -> None:
    events: list[tuple[bytes | None, bytes | None]] = [
        *((key, value) for key, value, _ in BAD.values()),
        *((KEY, value) for value in UNUSUAL.values()),
    ]
    records = [
        RawRecord("ratings", 0, offset, 0.0, None, key, value)
        for offset, (key, value) in enumerate(events)
    ]
    alone = [plain(READER.read(key, value)) for key, value in events]
    assert [plain(found) for found in READER.read_all(records)] == alone


def test_the_limits_are_settings() -> None:
    assert isinstance(READER.read(b"138493", but(userId=138_493)), Refusal) is False
    found = RatingReader(LIMITS.__class__(max_user_id=6)).read(KEY, GOOD)
    assert found == Refusal(Rule.USER_ID, "userId 7 is not in 1..6")


def test_details_name_the_field_and_show_the_value() -> None:
    def detail(value: bytes) -> str:
        found = READER.read(KEY, value)
        assert isinstance(found, Refusal)
        return found.detail

    assert detail(but(rating=3.7)) == "rating 3.7 is not one of 0.5, 1.0, ... 5.0"
    assert detail(but(movieId="32")) == "movieId is the text '32', not an integer"
    assert detail(GOOD.replace(b"timestamp", b"time")) == "timestamp is missing"
    assert detail(but(a=1)) == "'a' is no field of a rating"


# -- the two readings agree

IDS = st.integers(1, LIMITS.max_user_id)
MOVIES = st.integers(1, LIMITS.max_movie_id)
STARS = st.integers(1, 10).map(lambda halves: halves / 2)
TIMES = st.integers(1, MAX_TIMESTAMP_MS)
NEAR = st.sampled_from(
    [
        *(0, 1, -1, 5, 0.5, 5.0, 5.5, 3.25, 7.0, True, None, "7", [], {}, math.nan, math.inf),
        *(138_493, 138_494, 131_262, 131_263, MAX_TIMESTAMP_MS, MAX_TIMESTAMP_MS + 1),
        *(2**31, 2**53, 2**63, 2**64, 10**30, 1e300),
    ]
)


@given(IDS, MOVIES, STARS, TIMES)
def test_a_written_rating_is_read_back(user: int, movie: int, stars: float, time: int) -> None:
    rating = Rating(user, movie, stars, time)
    assert check_rating(rating._asdict(), LIMITS) == rating
    key, value = rating_key(user), encode_rating(*rating)
    assert plain(READER.read(key, value)) == rating == read_carefully(key, value, LIMITS)
    assert json.loads(value) == rating._asdict()


@st.composite
def odd_events(draw: st.DrawFn) -> tuple[bytes, bytes]:
    fields: dict[str, Any] = {**FIELDS, "userId": draw(IDS)}
    for name in draw(st.sets(st.sampled_from([*FIELDS, "extra"]), max_size=2)):
        fields[name] = draw(NEAR | st.integers() | st.floats())
    for name in draw(st.sets(st.sampled_from([*FIELDS]), max_size=1)):
        if draw(st.booleans()):
            del fields[name]
    value = json.dumps(fields, separators=draw(st.sampled_from([(",", ":"), (" , ", ": ")])))
    return b"%s" % str(fields.get("userId")).encode(), value.encode()


@st.composite
def mutated_events(draw: st.DrawFn) -> tuple[bytes, bytes]:
    key, value = draw(odd_events())
    edited = bytearray(value)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(edited) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                del edited[at : at + draw(st.integers(1, 4))]
            case 1:
                edited[at:at] = draw(st.sampled_from([b'"', b"\\", b"{", b",", b"0", b"e", b"-"]))
            case 2:
                edited[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case _:
                edited[at:at] = draw(
                    st.sampled_from([b'"rating":2.5,', b'"\\u0072ating":1,', GOOD])
                )
    return key, bytes(edited)


@given(odd_events() | mutated_events())
@settings(max_examples=2000, deadline=None)
def test_the_fast_and_the_careful_reading_agree(event: tuple[bytes, bytes]) -> None:
    assert plain(READER.read(*event)) == read_carefully(*event, LIMITS)


@given(st.dictionaries(st.sampled_from([*FIELDS, "extra"]), NEAR | st.integers(), max_size=5))
def test_a_writer_refuses_what_the_reader_would(found: dict[str, Any]) -> None:
    checked = check_rating(found, LIMITS)
    if any(value != value or value in (math.inf, -math.inf) for value in found.values()):
        return  # JSON can't say it
    key = str(found.get("userId")).encode()
    assert plain(READER.read(key, json.dumps(found).encode())) == checked


@given(st.binary(max_size=60))
@settings(max_examples=500)
def test_no_bytes_make_the_reading_fail(value: bytes) -> None:
    assert plain(READER.read(value, value)) == read_carefully(value, value, LIMITS)

"""The records of the ratings pipeline survive the wire, with records in lists within them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import faust
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.transports import RawRecord
from app.wire import RatingSchema, WireGate
from models import ratings as r

COUNT = st.integers(0, 2**40)
SECONDS = st.none() | st.floats(0, 1e9)
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
MOVIE = st.builds(
    r.RecommendedMovie,
    movieId=st.integers(1, 2**31 - 1),
    score=st.floats(0.5, 5.0),
    confidence=st.floats(0, 1),
)
RECORDS = {
    r.Recommendation: st.builds(
        r.Recommendation,
        userId=st.integers(1, 2**31 - 1),
        movies=st.lists(MOVIE, max_size=12),
        model=NAME,
        ratings=COUNT,
        made_at=st.floats(1e9, 1e11),
    ),
    r.StreamMetrics: st.builds(
        r.StreamMetrics,
        worker=NAME,
        at=st.floats(1e9, 1e11),
        seconds=st.floats(0, 1e9),
        per_second=st.floats(0, 1e9),
        valid=COUNT,
        rejected=st.dictionaries(NAME, COUNT, max_size=3),
        duplicate=COUNT,
        stale=COUNT,
        late=COUNT,
        lag=COUNT,
        partitions=COUNT,
        model=NAME,
        latency_p50_seconds=SECONDS,
        rmse=st.none() | st.floats(0, 10),
        coverage=st.none() | st.floats(0, 1),
    ),
}
GATES = {record: WireGate(record) for record in RECORDS}


def fields_of(found: Any) -> Any:
    if isinstance(found, list):
        return [fields_of(each) for each in found]
    if isinstance(found, faust.Record):
        return type(found), {n: fields_of(getattr(found, n)) for n in found._options.fields}
    return found


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_record_comes_back_as_it_was_sent(kind: type[faust.Record], data: st.DataObject) -> None:
    record = data.draw(RECORDS[kind])
    assert fields_of(GATES[kind].decode(GATES[kind].encode(record))) == fields_of(record)


@pytest.mark.parametrize(
    "movies",
    [
        b"null",
        b"{}",
        b"[1]",
        b"[null]",
        b'[{"type":"answerloop.RecommendedMovie","movieId":1,"score":9,"confidence":1}]',
        b'[{"type":"answerloop.RecommendedMovie","movieId":1,"score":1}]',
        b'[{"movieId":1,"score":1,"confidence":1}]',
    ],
)
def test_a_list_of_records_is_as_strict_as_a_record(movies: bytes) -> None:
    good = GATES[r.Recommendation].encode(
        r.Recommendation(userId=1, movies=[], model="m", ratings=1, made_at=1.7e9)
    )
    assert GATES[r.Recommendation].decode(good)
    with pytest.raises(ValueError, match="movies"):
        GATES[r.Recommendation].decode(good.replace(b"[]", movies))


def test_rating_events_arrive_as_they_lie_in_the_log() -> None:
    chunk = [RawRecord("ratings", 0, 0, 0.0, None, b"x", b"whatever")]
    message = SimpleNamespace(topic="ratings", key=None, value=chunk)
    assert RatingSchema().loads_value(None, message) is chunk
    assert RatingSchema().loads_key(None, message) is None

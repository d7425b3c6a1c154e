"""What was read, added up."""

from __future__ import annotations

from app.core.ratings.events import RatingLimits, Rule
from app.ratings.tally import SHOWN, Tally
from app.transports import RawRecord
from app.wire.ratings import RatingReader, encode_rating

READER = RatingReader(RatingLimits(100, 100))


def record(partition: int, offset: int, key: bytes, value: bytes | None) -> RawRecord:
    return RawRecord("ratings", partition, offset, 0.0, None, key, value)


def rated(offset: int, user: int, stars: float, time: int = 1000, movie: int = 3) -> RawRecord:
    return record(0, offset, b"%d" % user, encode_rating(user, movie, stars, time))


def test_valid_ones_are_counted_by_rating_user_movie_and_time() -> None:
    tally = Tally()
    tally.add(READER, [rated(4, 1, 3.5, 2000), rated(5, 2, 4.0, 1000)])
    tally.add(READER, [rated(6, 2, 4.0, 1000), rated(7, 2, 0.5, 1500, movie=4)])
    assert (tally.read, tally.valid, tally.mean) == (4, 4, 3.0)
    assert [tally.by_halves[n] for n in (1, 7, 8)] == [1, 1, 2]
    assert (tally.users, tally.movies) == ({1, 2}, {3, 4})
    assert (tally.first_timestamp, tally.last_timestamp) == (1000, 2000)
    assert tally.positions == {0: 8}


def test_rejected_ones_are_counted_by_rule_and_the_first_are_kept_with_their_place() -> None:
    tally = Tally()
    bad = [record(2, n, b"9", b"{") for n in range(SHOWN + 3)]
    tally.add(READER, [*bad, record(1, 7, b"101", encode_rating(101, 1, 3.0, 1))])
    assert tally.rejected == {Rule.MALFORMED: SHOWN + 3, Rule.USER_ID: 1}
    assert (tally.read, tally.valid, tally.mean) == (SHOWN + 4, 0, None)
    assert [(each.partition, each.offset) for each in tally.samples] == [
        (2, n) for n in range(SHOWN)
    ]
    assert tally.positions == {2: SHOWN + 3, 1: 8}
    assert (tally.first_timestamp, tally.last_timestamp) == (None, None)

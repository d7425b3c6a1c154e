"""Rating events on the wire: read strictly and fast, written by the same definition.

An event is exactly `{"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1761763121809}`
under the key `7`. The fast reading accepts what is ordinary; whatever it does not accept is read
once more by `app.core.ratings.checking`, which names the rule that is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.core.ratings.checking import rating_of, read_carefully, refusal_of
from app.core.ratings.events import (
    MAX_TIMESTAMP_MS,
    Rating,
    RatingLike,
    RatingLimits,
    Refusal,
)
from app.transports import RawRecord
from models.ratings import RatingEvent

#: Four names, once each: eight quotes. With all four there, no name can be there twice.
_QUOTES = 8
#: A longer event is unusual.
_ORDINARY_BYTES = 512
_UNUSUAL = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, AttributeError)


class RatingReader:
    """Reads events by fixed limits."""

    def __init__(self, limits: RatingLimits) -> None:
        self._limits = limits
        self._decode: Callable[[Any], Any] = msgspec.json.Decoder(rating_struct(limits)).decode

    def read(self, key: bytes | None, value: bytes | None) -> RatingLike | Refusal:
        """Return the rating of an event, or the first rule that it breaks. Never raises."""
        return self.read_all([RawRecord("", 0, 0, 0.0, None, key, value)])[0]

    def read_all(self, records: Sequence[RawRecord]) -> list[RatingLike | Refusal]:
        """Return what `read` does for each record: one loop, without a call for each."""
        decode = self._decode
        found: list[RatingLike | Refusal] = []
        append = found.append
        for _, _, _, _, _, key, value in records:
            try:
                # A null has no count: it is as unusual as the rest.
                if value.count(b'"') == _QUOTES and len(value) <= _ORDINARY_BYTES:  # type: ignore[arg-type, union-attr]
                    rating = decode(value)
                    if key == b"%d" % rating.userId:
                        append(rating)
                        continue
            except _UNUSUAL:
                pass  # the careful reading says what is wrong
            append(read_carefully(key, value, self._limits))
        return found


def encode_rating(user_id: int, movie_id: int, rating: float, timestamp: int) -> bytes:
    """Return a valid rating as an event's value. It is not checked: see `check_rating`."""
    return b'{"userId":%d,"movieId":%d,"rating":%.1f,"timestamp":%d}' % (
        user_id,
        movie_id,
        rating,
        timestamp,
    )


def rating_key(user_id: int) -> bytes:
    """Return the key under which a user's events travel, so that they keep their order."""
    return b"%d" % user_id


def check_rating(found: Mapping[str, object], limits: RatingLimits) -> Rating | Refusal:
    """Check a rating before it is written: the rules are those of the reader."""
    refusal = refusal_of(found, limits)
    return refusal if refusal is not None else rating_of(found)


def rating_struct(limits: RatingLimits) -> type[msgspec.Struct]:
    """Return the shape of an event, as the fast reading and the descriptions of APIs have it."""
    return msgspec.defstruct(
        "RatingEvent",
        [
            ("userId", Annotated[int, Meta(ge=1, le=limits.max_user_id)]),
            ("movieId", Annotated[int, Meta(ge=1, le=limits.max_movie_id)]),
            ("rating", Annotated[float, Meta(ge=0.5, le=5.0, multiple_of=0.5)]),
            ("timestamp", Annotated[int, Meta(ge=1, le=MAX_TIMESTAMP_MS)]),
        ],
        gc=False,
        forbid_unknown_fields=True,
        namespace={"__doc__": RatingEvent.__doc__},
    )

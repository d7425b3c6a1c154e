"""A rating, the rules it may break, and the limits that are settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

#: The last millisecond of the year 9999: what a date can say.
MAX_TIMESTAMP_MS = 253_402_300_799_999
#: A rating is kept as a count of half stars: 1 (0.5) to 10 (5.0).
MIN_HALVES, MAX_HALVES = 1, 10


class Rule(StrEnum):
    """Why an event is refused. The names are those of counters, dead letters and reports."""

    MALFORMED = "malformed"
    """Not a JSON object with each name once, or under a key that is not its userId."""
    MISSING = "missing"
    TYPE = "type"
    """A value of another type, or a field that is not known."""
    USER_ID = "user_id"
    MOVIE_ID = "movie_id"
    RATING = "rating"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class RatingLimits:
    """The greatest ids that are accepted; the least is 1."""

    max_user_id: int = 138_493
    max_movie_id: int = 131_262


class RatingLike(Protocol):
    """A valid rating, whoever decoded it: `rating` 0.5 to 5.0 in halves, `timestamp` Unix ms."""

    @property
    def userId(self) -> int: ...  # noqa: N802 (the event's own names)
    @property
    def movieId(self) -> int: ...  # noqa: N802
    @property
    def rating(self) -> float: ...
    @property
    def timestamp(self) -> int: ...


class Rating(NamedTuple):
    """A valid rating as a plain value."""

    userId: int  # noqa: N815 (the event's own names)
    movieId: int  # noqa: N815
    rating: float
    timestamp: int


class Refusal(NamedTuple):
    """An event that is not accepted: the first rule it breaks, and how, for people."""

    rule: Rule
    detail: str

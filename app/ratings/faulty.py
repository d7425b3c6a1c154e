"""Synthetic ratings as messages, with bad, repeated and stale ones among them if wanted.

What each event must count as is known when it is made: `SyntheticEvents.expected`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from app.core.ratings.events import MAX_TIMESTAMP_MS, RatingLimits, Rule
from app.ratings.synthetic import synthetic_ratings
from app.wire.ratings import encode_rating, rating_key

_DRAWN = 4096
_RULES = tuple(Rule)
_FIELDS = ("userId", "movieId", "rating", "timestamp")


class RatingMessage(NamedTuple):
    """A rating event as it travels. `broken` is the rule that it breaks on purpose."""

    key: bytes
    value: bytes
    broken: Rule | None = None


@dataclass(slots=True)
class Expected:
    """What the events given so far are: each is in exactly one of the four."""

    valid: int = 0
    duplicate: int = 0
    stale: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


class SyntheticEvents:
    """`count` events of a seed; may be gone through once.

    `bad` and `repeats` are shares, 0 to 1 in all. A bad event breaks one rule, each as often as the
    others. Of the repeats half are the latest valid event again, and half are older ratings of the
    same user and movie. Raises ValueError for shares that are none.
    """

    def __init__(
        self,
        count: int,
        *,
        limits: RatingLimits,
        seed: int,
        users: int,
        movies: int,
        start_ms: int,
        per_second: float = 100.0,
        bad: float = 0.0,
        repeats: float = 0.0,
    ) -> None:
        if bad < 0 or repeats < 0 or bad + repeats > 1:
            raise ValueError("bad and repeats are shares: 0 to 1, also together")
        self.expected = Expected()
        self._count = count
        self._limits = limits
        self._seed = seed
        self._bad, self._repeats = bad, repeats
        self._ratings = synthetic_ratings(
            count,
            seed=seed,
            users=users,
            movies=movies,
            start_ms=start_ms,
            per_second=per_second,
        )

    def __iter__(self) -> Iterator[RatingMessage]:
        if not self._bad and not self._repeats:
            yield from map(self._valid, self._ratings)
            return
        latest: tuple[int, int, float, int] | None = None
        for chance, choice in self._draws():
            if chance < self._bad:
                yield self._broken(next(self._ratings), _RULES[int(choice * len(_RULES))], choice)
            elif chance < self._bad + self._repeats and latest is not None:
                yield self._again(latest, choice)
            else:
                latest = next(self._ratings)
                yield self._valid(latest)

    def _draws(self) -> Iterator[tuple[float, float]]:
        draw = np.random.default_rng([self._seed, 2])
        for first in range(0, self._count, _DRAWN):
            drawn = draw.random((_DRAWN, 2))[: self._count - first]
            yield from map(tuple, drawn.tolist())

    def _valid(self, rating: tuple[int, int, float, int]) -> RatingMessage:
        self.expected.valid += 1
        return RatingMessage(rating_key(rating[0]), encode_rating(*rating))

    def _again(self, latest: tuple[int, int, float, int], choice: float) -> RatingMessage:
        user, movie, rating, timestamp = latest
        if choice < 0.5 or timestamp == 1:
            self.expected.duplicate += 1
        else:
            self.expected.stale += 1
            timestamp = max(1, timestamp - 1 - int(choice * 1000))
        return RatingMessage(rating_key(user), encode_rating(user, movie, rating, timestamp))

    def _broken(
        self, rating: tuple[int, int, float, int], rule: Rule, choice: float
    ) -> RatingMessage:
        rejected = self.expected.rejected
        rejected[rule] = rejected.get(rule, 0) + 1
        key, value = broken_event(rating, rule, self._limits, way=int(choice * 1000))
        return RatingMessage(key, value, rule)


def broken_event(
    rating: tuple[int, int, float, int], rule: Rule, limits: RatingLimits, *, way: int = 0
) -> tuple[bytes, bytes]:
    """Return key and value of an event that breaks just this rule, in one of several ways."""
    fields: dict[str, object] = dict(zip(_FIELDS, rating, strict=True))
    name = _FIELDS[way % len(_FIELDS)]
    match rule:
        case Rule.MALFORMED if way % 2:
            return rating_key(rating[0] + 1), msgspec.json.encode(fields)
        case Rule.MALFORMED:
            return rating_key(rating[0]), msgspec.json.encode(fields)[:-1]
        case Rule.MISSING:
            del fields[name]
        case Rule.TYPE:
            fields[name] = str(fields[name])
        case Rule.USER_ID:
            fields["userId"] = (0, -1, limits.max_user_id + 1)[way % 3]
        case Rule.MOVIE_ID:
            fields["movieId"] = (0, -1, limits.max_movie_id + 1)[way % 3]
        case Rule.RATING:
            fields["rating"] = (0.0, 5.5, 3.25, -1.0)[way % 4]
        case Rule.TIMESTAMP:
            fields["timestamp"] = (0, -1, MAX_TIMESTAMP_MS + 1)[way % 3]
    key = fields.get("userId", rating[0])
    return str(key).encode(), msgspec.json.encode(fields)

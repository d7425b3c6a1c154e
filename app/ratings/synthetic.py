"""Ratings made by a seed: as uneven as real ones, with tastes that a recommender can learn.

A rating is `mean + user's bias + movie's bias + tastes + noise`, put on the scale of half stars.
Tastes are the product of `FACTORS` hidden numbers of the user and of the movie. A few movies get
most of the ratings (Zipf-Mandelbrot), a few users give most (log-normal), and well-known movies are
liked a little better. The spreads are near those of MovieLens: a standard deviation of about one
star, most ratings 3 to 4, whole stars more often than halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BLOCK = 65_536
FACTORS = 8
MEAN = 3.32
#: Standard deviations, in stars.
USER_SPREAD, MOVIE_SPREAD, TASTE_SPREAD, NOISE_SPREAD = 0.45, 0.45, 0.55, 0.65
#: How much better a movie is liked for each standard deviation of log popularity.
FAME = 0.12
#: Spread of the users' activity (of its logarithm).
ACTIVITY_SPREAD = 1.1
#: Nobody is more active than this many average users.
MOST_ACTIVE = 8.0
#: Share of users who never give half stars.
WHOLE_STARS = 0.5
#: The steps by which one user goes through the movies: seldom the same one twice.
_GOLDEN = 0.618_033_988_749_894_9

Floats = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int64]


class RatingArrays(NamedTuple):
    """Ratings as columns of equal length, in the order of the stream."""

    users: Wholes
    movies: Wholes
    ratings: npt.NDArray[np.float64]
    """0.5 to 5.0 in halves."""
    timestamps: Wholes
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class World:
    """Who rates what, and how much it is liked. Index 0 is user 1, or movie 1."""

    activity: npt.NDArray[np.float64]
    """Cumulative share of the ratings by user."""
    popularity: npt.NDArray[np.float64]
    """Cumulative share of the ratings by movie."""
    starts: npt.NDArray[np.float64]
    """Where each user begins his way through the movies, 0 to 1."""
    user_bias: Floats
    movie_bias: Floats
    user_tastes: Floats
    """(users, FACTORS); the product with a movie's has a spread of TASTE_SPREAD."""
    movie_tastes: Floats
    whole_stars: npt.NDArray[np.bool_]

    def liking(self, users: Wholes, movies: Wholes) -> Floats:
        """Return what each user (by id) thinks of his movie: stars, before noise and rounding."""
        u, m = users - 1, movies - 1
        tastes = np.einsum("ij,ij->i", self.user_tastes[u], self.movie_tastes[m])
        found: Floats = np.float32(MEAN) + self.user_bias[u] + self.movie_bias[m] + tastes
        return found


def synthetic_world(users: int, movies: int, seed: int) -> World:
    """Return the users and movies of a seed. Raises ValueError below 1 user or 1 movie."""
    if users < 1 or movies < 1:
        raise ValueError("there must be at least one user and one movie")
    draw = np.random.default_rng([seed, 0])
    rank = draw.permutation(movies)
    weight = 1.0 / (rank + 1 + 10 + movies / 200) ** 1.1
    fame = np.log(weight)
    spread = float(fame.std())
    fame = (fame - fame.mean()) / spread if spread > 0 else fame * 0
    scale = np.sqrt(TASTE_SPREAD) / FACTORS**0.25
    activity = draw.lognormal(0.0, ACTIVITY_SPREAD, users)
    most = MOST_ACTIVE * float(activity.mean())
    return World(
        activity=_shares(np.minimum(activity, most)),
        popularity=_shares(weight),
        starts=draw.random(users),
        user_bias=_normal(draw, USER_SPREAD, users),
        movie_bias=_normal(draw, MOVIE_SPREAD, movies) + (FAME * fame).astype(np.float32),
        user_tastes=_normal(draw, scale, (users, FACTORS)),
        movie_tastes=_normal(draw, scale, (movies, FACTORS)),
        whole_stars=draw.random(users) < WHOLE_STARS,
    )


def synthetic_blocks(
    count: int, *, seed: int, users: int, movies: int, start_ms: int, per_second: float = 100.0
) -> Iterator[RatingArrays]:
    """Give `count` ratings in blocks of at most `BLOCK`; the same arguments, the same ratings.

    Ids are 1 to `users` and 1 to `movies`. The time of the events goes on by `per_second` of them;
    those of one user differ by a millisecond at least, so no event repeats or predates an earlier
    one of the same user and movie. Raises ValueError for numbers that make no stream.
    """
    if count < 0 or per_second <= 0 or start_ms <= 0:
        raise ValueError("count must not be negative; per_second and start_ms must be above 0")
    world = synthetic_world(users, movies, seed)
    draw = np.random.default_rng([seed, 1])
    given = np.zeros(users, dtype=np.int64)
    last = np.zeros(users, dtype=np.int64)
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        drawn = np.searchsorted(world.activity, draw.random(BLOCK)[:size], side="right")
        who = drawn.astype(np.int64)
        turn = np.arange(first, first + size)
        nominal = start_ms + (turn * (1000.0 / per_second)).astype(np.int64)
        steps, times = _turns(who, nominal, given, last)
        place = (world.starts[who] + steps * _GOLDEN) % 1.0
        seen = np.searchsorted(world.popularity, place, side="right") + 1
        noise = _normal(draw, NOISE_SPREAD, BLOCK)[:size]
        stars = world.liking(who + 1, seen) + noise
        yield RatingArrays(who + 1, seen, _rounded(stars, world.whole_stars[who]), times)


def synthetic_ratings(
    count: int, *, seed: int, users: int, movies: int, start_ms: int, per_second: float = 100.0
) -> Iterator[tuple[int, int, float, int]]:
    """Give (userId, movieId, rating, timestamp) of `synthetic_blocks`, one by one."""
    for block in synthetic_blocks(
        count, seed=seed, users=users, movies=movies, start_ms=start_ms, per_second=per_second
    ):
        yield from zip(*(column.tolist() for column in block), strict=True)


def synthetic_arrays(
    count: int, *, seed: int, users: int, movies: int, start_ms: int, per_second: float = 100.0
) -> RatingArrays:
    """Return all ratings of `synthetic_blocks` as four columns."""
    blocks = list(
        synthetic_blocks(
            count, seed=seed, users=users, movies=movies, start_ms=start_ms, per_second=per_second
        )
    )
    if not blocks:
        nothing = np.empty(0, dtype=np.int64)
        return RatingArrays(nothing, nothing, np.empty(0), nothing)
    return RatingArrays(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def _turns(who: Wholes, nominal: Wholes, given: Wholes, last: Wholes) -> tuple[Wholes, Wholes]:
    """Return how many ratings each user has given before, and the time of each rating.

    `given` and `last` (by user) are brought up to date.
    """
    order = np.argsort(who, kind="stable")
    users = who[order]
    begins = np.empty(len(users), dtype=np.bool_)
    begins[:1] = True
    np.not_equal(users[1:], users[:-1], out=begins[1:])
    firsts = np.flatnonzero(begins)
    sizes = np.diff(firsts, append=len(users))
    within = np.arange(len(users)) - np.repeat(firsts, sizes)
    times = nominal[order]
    times[firsts] = np.maximum(times[firsts], last[users[firsts]] + 1)
    # A user's n-th time is at least his k-th + (n - k): a running maximum of `time - n`, which an
    # amount that grows from user to user keeps within each user.
    lift = np.cumsum(begins) * (int(times.max()) - int(times.min()) + len(users) + 1)
    times = np.maximum.accumulate(times - within + lift) - lift + within
    ends = firsts + sizes - 1
    last[users[ends]] = times[ends]
    steps = np.empty_like(who)
    moments = np.empty_like(who)
    steps[order] = given[users] + within
    moments[order] = times
    given[users[firsts]] += sizes
    return steps, moments


def _rounded(stars: Floats, whole: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    halves = np.where(whole, np.rint(stars) * 2, np.rint(stars * 2))
    # Who gives whole stars gives one at least.
    found: npt.NDArray[np.float64] = np.clip(halves, np.where(whole, 2, 1), 10) / 2.0
    return found


def _shares(weights: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return the cumulative shares of weights; the last is above every draw from [0, 1)."""
    sums = np.cumsum(weights)
    found: npt.NDArray[np.float64] = (sums / sums[-1]).astype(np.float64)
    found[-1] = 1.0
    return found


def _normal(draw: np.random.Generator, spread: float, shape: Any) -> Floats:
    found: Floats = draw.standard_normal(shape, dtype=np.float32) * np.float32(spread)
    return found

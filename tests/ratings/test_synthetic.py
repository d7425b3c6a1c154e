"""Ratings made by a seed: the same for the same seed, as uneven as real ones, and learnable."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest

from app.ratings.synthetic import (
    BLOCK,
    synthetic_arrays,
    synthetic_blocks,
    synthetic_ratings,
    synthetic_world,
)

START_MS = 1_700_000_000_000
SMALL: dict[str, Any] = {"seed": 7, "users": 400, "movies": 150, "start_ms": START_MS}


def test_the_same_seed_gives_the_same_ratings_and_another_seed_others() -> None:
    first = list(synthetic_ratings(3000, **SMALL))
    assert first == list(synthetic_ratings(3000, **SMALL))
    assert first != list(synthetic_ratings(3000, **SMALL | {"seed": 8}))


def test_a_longer_stream_begins_as_a_shorter_one() -> None:
    longer = synthetic_ratings(BLOCK + 500, **SMALL)
    assert list(islice(longer, 1000)) == list(synthetic_ratings(1000, **SMALL))


@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 1])
def test_the_count_is_exact(count: int) -> None:
    assert sum(len(block.users) for block in synthetic_blocks(count, **SMALL)) == count
    assert len(synthetic_arrays(count, **SMALL).ratings) == count


def test_every_rating_is_one_that_the_limits_allow() -> None:
    for user, movie, rating, timestamp in synthetic_ratings(5000, **SMALL):
        assert (type(user), type(movie), type(rating), type(timestamp)) == (int, int, float, int)
        assert 1 <= user <= 400
        assert 1 <= movie <= 150
        assert rating * 2 in range(1, 11)
        assert timestamp >= START_MS


@pytest.mark.parametrize("per_second", [1.0, 100.0, 1e9])
def test_each_users_times_ascend_however_fast_the_stream_is(per_second: float) -> None:
    made = synthetic_arrays(BLOCK + 9000, **SMALL, per_second=per_second)
    order = np.argsort(made.users, kind="stable")
    users, times = made.users[order], made.timestamps[order]
    assert (np.diff(times)[users[1:] == users[:-1]] > 0).all()


def test_the_time_goes_on_at_the_rate() -> None:
    times = synthetic_arrays(10_001, **SMALL, per_second=50).timestamps
    assert times[-1] - times[0] == 200_000


def test_few_movies_get_most_ratings_and_most_users_give_few() -> None:
    made = synthetic_arrays(200_000, seed=1, users=20_000, movies=5000, start_ms=START_MS)
    by_movie = np.sort(np.bincount(made.movies))[::-1]
    assert by_movie[:500].sum() > 0.4 * 200_000
    by_user = np.bincount(made.users, minlength=20_001)[1:]
    assert np.median(by_user) < 0.75 * by_user.mean()
    assert by_user.max() > 5 * by_user.mean()


def test_most_ratings_are_threes_and_fours_and_whole_stars_are_more_common() -> None:
    made = synthetic_arrays(100_000, seed=1, users=5000, movies=1000, start_ms=START_MS)
    share = {stars: n / 100_000 for stars, n in Counter(made.ratings.tolist()).items()}
    assert set(share) == {0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0}
    assert share[3.0] + share[3.5] + share[4.0] > 0.5
    assert share[4.0] > share[3.5]
    assert 3.2 < made.ratings.mean() < 3.8
    assert 0.85 < made.ratings.std() < 1.15


def test_a_user_seldom_rates_a_movie_again() -> None:
    made = synthetic_arrays(100_000, seed=1, users=5000, movies=5000, start_ms=START_MS)
    assert len(np.unique(made.users * 10_000 + made.movies)) > 99_000


def test_tastes_tell_more_than_biases_and_biases_more_than_the_mean() -> None:
    """What a recommender can learn is there: each part of the world lowers the error."""
    made = synthetic_arrays(100_000, seed=3, users=2000, movies=800, start_ms=START_MS)
    world = synthetic_world(2000, 800, 3)

    def rmse(predicted: Any) -> float:
        return float(np.sqrt(np.mean((made.ratings - np.clip(predicted, 0.5, 5)) ** 2)))

    biases = 3.32 + world.user_bias[made.users - 1] + world.movie_bias[made.movies - 1]
    full = rmse(world.liking(made.users, made.movies))
    assert full < 0.7
    assert full < 0.85 * rmse(biases)
    assert rmse(biases) < 0.92 * rmse(made.ratings.mean())


@pytest.mark.parametrize(
    "wrong", [{"count": -1}, {"users": 0}, {"movies": 0}, {"per_second": 0}, {"start_ms": 0}]
)
def test_numbers_that_make_no_stream_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        synthetic_arrays(**{"count": 10, **SMALL, **wrong})


def test_one_user_and_one_movie_are_a_world() -> None:
    made = list(synthetic_ratings(5, seed=1, users=1, movies=1, start_ms=START_MS, per_second=1e6))
    assert {(user, movie) for user, movie, _, _ in made} == {(1, 1)}
    assert [time for *_, time in made] == [START_MS + n for n in range(5)]

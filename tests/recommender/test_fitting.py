"""The fit: it learns tastes, judges itself on ratings it has not seen, and repeats itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.errors import InputError
from app.recommender.als import Regularisation
from app.recommender.fitting import fit, tune
from app.recommender.solving import Penalty, solve_rows, with_zero_row
from app.recommender.table import RatingTable, split_by_time, split_last_of_each
from tests.recommender.ratings import small_model, small_table


def table(*rows: tuple[int, int, float, int]) -> RatingTable:
    return RatingTable.of(*zip(*rows, strict=True))


def test_the_model_is_better_than_the_means_on_ratings_it_has_not_seen() -> None:
    rmse = small_model().facts.rmse
    assert rmse is not None
    assert rmse.ratings > 400
    assert rmse.model < 0.9 * rmse.movie_mean < 0.95 * rmse.mean


def test_the_newest_rating_of_a_pair_counts() -> None:
    found = fit(table((1, 1, 5.0, 10), (1, 1, 1.0, 30), (1, 1, 3.0, 20)), held_out=0.0)
    assert found.facts.ratings == 1
    assert found.halves.tolist() == [2]
    assert (found.facts.first_timestamp, found.facts.last_timestamp) == (30, 30)


def test_the_order_of_the_rows_does_not_matter() -> None:
    shuffled = small_table().rows(np.random.default_rng(1).permutation(len(small_table().users)))
    one = fit(small_table(), factors=3, epochs=2, held_out=0.0, created_at=1.0)
    other = fit(shuffled, factors=3, epochs=2, held_out=0.0, created_at=1.0)
    assert one.facts == other.facts
    assert np.array_equal(one.users, other.users)
    assert np.array_equal(one.movies, other.movies)


def test_another_seed_gives_other_factors() -> None:
    one = fit(small_table(), factors=3, epochs=1, held_out=0.0)
    other = fit(small_table(), factors=3, epochs=1, held_out=0.0, seed=2)
    assert not np.allclose(one.movies, other.movies)


def test_progress_is_told_for_both_fits() -> None:
    told: list[tuple[str, int, int]] = []
    fit(small_table(), factors=2, epochs=3, progress=lambda *step: told.append(step))
    assert told == [(what, at, 3) for what in ("judging", "fitting") for at in (1, 2, 3)]


def test_a_single_rating_can_be_fitted() -> None:
    found = fit(table((138_493, 131_262, 4.0, 1)))
    assert found.mean == 4.0
    assert found.facts.rmse is None
    assert not found.faults()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"factors": 0}, "factors"),
        ({"epochs": 0}, "epochs"),
        ({"regularisation": 0.0}, "regularisation.factors"),
        ({"regularisation": float("nan")}, "regularisation.factors"),
        ({"regularisation": Regularisation(bias=0.0)}, "regularisation.bias"),
        ({"held_out": 0.9}, "held_out"),
    ],
)
def test_impossible_numbers_are_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        fit(small_table(), **given)
    assert caught.value.field == named


def test_no_ratings_are_refused() -> None:
    with pytest.raises(InputError, match="no ratings"):
        fit(RatingTable.of([], [], [], []))
    with pytest.raises(InputError, match="too few"):
        tune(table((1, 1, 4.0, 1)))


def test_tuning_puts_the_best_trial_first() -> None:
    strengths = (Regularisation(500.0), Regularisation())
    trials = tune(small_table(), factors=(2, 4), regularisations=strengths, epochs=3)
    assert len(trials) == 4
    assert trials[0].regularisation == Regularisation()
    assert [t.rmse for t in trials] == sorted(t.rmse for t in trials)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (([1, 0], [1, 1], [4.0, 4.0], [1, 1]), "users: .*row 1: 0"),
        (([1], [2**32], [4.0], [1]), "movies: .*row 0"),
        (([1], [1], [4.3], [1]), "stars: .*row 0: 4.3"),
        (([1], [1], [float("nan")], [1]), "stars: row 0 is not a finite number"),
        (([1], [1], [5.5], [1]), "stars"),
        (([1], [1, 2], [4.0], [1]), "differ in length"),
        ((["a"], [1], [4.0], [1]), "users: not a sequence of numbers"),
    ],
)
def test_columns_that_are_no_ratings_are_refused_with_their_row(
    columns: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        RatingTable.of(*columns)


def test_ratings_are_split_by_time_and_by_each_users_last() -> None:
    rows = table(*[(1 + at % 2, 1 + at, 3.0, 100 - at) for at in range(40)])
    first, middle, last = split_by_time(rows, 0.7, 0.2)
    assert (len(first.users), len(middle.users), len(last.users)) == (28, 8, 4)
    assert first.timestamps.max() < middle.timestamps.min() < last.timestamps.min()
    rest, own = split_last_of_each(rows, 0.1)
    assert len(rest.users) == 36
    assert sorted(own.movies.tolist()) == [1, 2, 3, 4]
    assert split_last_of_each(table((1, 1, 3.0, 1)), 0.5)[1].users.tolist() == []


def test_rows_of_all_lengths_are_solved_as_they_are_alone() -> None:
    draw = np.random.default_rng(3)
    factors = draw.standard_normal((50, 3)).astype(np.float32)
    lengths = np.array([0, 1, 2, 0, 3, 17, 50, 49, 1, 30])
    starts = np.concatenate(([0], np.cumsum(lengths)))
    columns = np.concatenate([draw.permutation(50)[:n] for n in lengths]).astype(np.int32)
    targets = draw.standard_normal(len(columns)).astype(np.float32)
    penalty = Penalty(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.0, 0.2]))
    found = solve_rows(starts, columns, targets, with_zero_row(factors), penalty)
    for row, size in enumerate(lengths):
        part = slice(starts[row], starts[row + 1])
        own = factors[columns[part]].astype(float)
        squares = own.T @ own + np.diag(penalty.constant + size * penalty.per_rating)
        assert found[row] == pytest.approx(
            np.linalg.solve(squares, own.T @ targets[part]), abs=1e-5
        )

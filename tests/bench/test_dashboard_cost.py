"""The figures of pairs of runs: the median change, and an interval that is not too narrow."""

from __future__ import annotations

import random
from math import log

import pytest

from bench.dashboard_cost import compared, median_rank


@pytest.mark.parametrize(
    ("pairs", "rank"), [(1, 0), (3, 0), (5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5)]
)
def test_the_ranks_are_those_of_the_tables_of_the_sign_test(pairs: int, rank: int) -> None:
    assert median_rank(pairs) == rank


def test_a_change_is_that_of_pairs_not_of_medians() -> None:
    found = compared([(100.0, 99.0), (50.0, 49.0), (200.0, 190.0)])
    assert (found["without"], found["with"]) == (100.0, 99.0)
    assert found["change"] == pytest.approx(-0.02)
    assert found["interval"] == [pytest.approx(-0.05), pytest.approx(-0.01)]


def test_the_interval_holds_the_true_median_19_times_of_20() -> None:
    draw, held = random.Random(5), 0
    for _ in range(2_000):
        pairs = [(1.0, 1.0 + draw.expovariate(1.0)) for _ in range(12)]
        low, high = compared(pairs)["interval"]
        held += low <= log(2) <= high
    assert held / 2_000 >= 0.95

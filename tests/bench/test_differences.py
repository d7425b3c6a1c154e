"""What is said of two commits' figures: exact intervals, and verdicts that they carry."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from bench.differences import Difference, differences
from bench.figures import Better, Figure
from bench.rank_sum import left_out, needed, ratio_of, ways

BASE = [1.00, 1.01, 1.02, 1.03, 1.04]


def difference(base: list[float], head: list[float], better: Better = "lower") -> Difference:
    def runs(values: list[float]) -> list[list[Figure]]:
        return [[Figure("f", "a figure", each, "s", better)] for each in values]

    [found] = differences("b", runs(base), runs(head), tolerance=0.1, confidence=0.95)
    return found


def test_the_orders_are_counted_as_by_hand() -> None:
    for n, m in ((2, 3), (4, 4), (3, 5)):
        counted = [0] * (n * m + 1)
        for places in combinations(range(n + m), n):
            counted[sum(place - n for n, place in enumerate(places))] += 1
        assert [ways(n, m, u) for u in range(n * m + 1)] == counted


@pytest.mark.parametrize(
    ("n", "m", "critical"), [(4, 4, 0), (5, 5, 2), (6, 6, 5), (8, 8, 13), (10, 10, 23), (3, 5, 0)]
)
def test_the_ranks_are_those_of_the_tables_of_mann_and_whitney(
    n: int, m: int, critical: int
) -> None:
    assert left_out(n, m, 0.95) == critical


def test_three_repeats_have_no_interval_and_four_have() -> None:
    assert left_out(3, 3, 0.95) is None
    assert needed(0.95) == 4
    assert needed(0.9) == 3
    found = difference([1.0, 1.1, 1.2], [9.0, 9.1, 9.2])
    assert (found.verdict, found.low, found.beyond) == ("no difference shown", None, False)


def test_the_interval_holds_the_true_ratio_19_times_of_20() -> None:
    draw, held = random.Random(3), 0
    for _ in range(1_000):
        base, head = ([draw.lognormvariate(0, 0.2) for _ in range(5)] for _ in range(2))
        interval = ratio_of(base, [1.5 * each for each in head]).interval
        held += interval is not None and 1.5 in interval
    assert 0.94 <= held / 1_000 <= 0.995


def test_slower_beyond_the_tolerance_and_within_it() -> None:
    much = difference(BASE, [each * 1.2 for each in BASE])
    assert (much.verdict, much.beyond, much.ratio) == ("slower", True, pytest.approx(1.2))
    little = difference(BASE, [each * 1.08 for each in BASE])
    assert (little.verdict, little.beyond) == ("slower", False)


def test_a_rate_that_falls_is_slower_and_one_that_rises_is_faster() -> None:
    rates = [100 * each for each in BASE]
    fallen = difference(rates, [each / 1.2 for each in rates], "higher")
    assert (fallen.verdict, fallen.beyond) == ("slower", True)
    assert difference(rates, [each * 1.2 for each in rates], "higher").verdict == "faster"
    assert difference(BASE, [each / 1.2 for each in BASE]).verdict == "faster"


def test_the_same_code_shows_no_difference_however_far_the_medians_are() -> None:
    found = difference([1.0, 1.9, 1.1, 1.8, 1.0], [1.7, 1.2, 1.9, 1.1, 2.0])
    assert (found.verdict, found.beyond) == ("no difference shown", False)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1 < found.high


def test_counts_of_nothing_have_no_ratio_and_are_shown() -> None:
    found = difference([0, 0, 0, 0, 0], [0, 0, 1, 0, 2])
    assert (found.verdict, found.ratio, found.base, found.head) == ("not compared", None, 0, 0)


def test_only_figures_that_all_runs_have_are_compared() -> None:
    one = Figure("one", "one", 1.0, "s", "lower")
    two = Figure("one", "one", 2.0, "s", "lower", case="other case")
    found = differences("b", [[one, two]] * 4, [[one]] * 4, tolerance=0.1, confidence=0.95)
    assert [each.name for each in found] == ["one"]

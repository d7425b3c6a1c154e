"""Intervals and exact tests against values worked out by hand, and against brute force."""

from __future__ import annotations

import math
from itertools import product
from random import Random
from statistics import fmean

import pytest

from app.core.statistics import (
    MOST_RESAMPLED,
    Interval,
    bootstrap,
    bootstrap_mean,
    fisher_less,
    holm,
    mcnemar_exact,
    paired_bootstrap,
    quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_gives_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    """The last is of Newcombe 1998, table I, method 3."""
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nothing_may_be_anything() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)
    assert wilson(0, 5).low == 0.0
    assert wilson(5, 5).high == 1.0


def test_wilson_covers_the_true_share() -> None:
    random, inside = Random(7), 0
    for _ in range(2_000):
        inside += 0.9 in wilson(sum(random.random() < 0.9 for _ in range(40)), 40)
    assert 0.93 <= inside / 2_000 <= 0.98


def test_quantiles_lie_on_a_line_between_neighbours() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.9) == pytest.approx(3.7)
    assert quantile([5.0], 0.99) == 5.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (0, 6, 2 / 64), (9, 1, 22 / 1024), (1, 9, 22 / 1024)],
)
def test_mcnemar_is_a_toss_of_coins(gained: int, lost: int, p: float) -> None:
    assert mcnemar_exact(gained, lost) == pytest.approx(p)


def test_mcnemar_of_many_pairs_is_quick_and_small() -> None:
    assert mcnemar_exact(60_000, 40_000) < 1e-100
    assert mcnemar_exact(50_000, 50_001) > 0.99


def test_fisher_gives_the_tea_lady_and_brute_force() -> None:
    assert fisher_less(1, 4, 3, 4) == pytest.approx(17 / 70)
    for a, b in product(range(6), range(8)):
        ways = [math.comb(5, k) * math.comb(7, a + b - k) for k in range(min(5, a + b) + 1)]
        expected = sum(ways[: a + 1]) / math.comb(12, a + b)
        assert fisher_less(a, 5, b, 7) == pytest.approx(expected)
    assert fisher_less(20_000, 50_000, 30_000, 50_000) < 1e-100


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_bootstrap_is_the_same_for_the_same_seed_and_covers_the_mean() -> None:
    random = Random(3)
    values = [random.gauss(5, 2) for _ in range(200)]
    first = bootstrap_mean(values, seed=1)
    assert first is not None
    assert first == bootstrap_mean(values, seed=1)
    assert first != bootstrap_mean(values, seed=2)
    spread = 2 / math.sqrt(200)
    assert first.low == pytest.approx(fmean(values) - 1.96 * spread, abs=0.06)
    assert first.high == pytest.approx(fmean(values) + 1.96 * spread, abs=0.06)
    assert bootstrap_mean([1.0], seed=1) is None


def test_many_values_have_the_interval_of_the_normal_distribution() -> None:
    values = [float(n % 2) for n in range(MOST_RESAMPLED + 2)]
    found = bootstrap_mean(values, seed=1)
    assert found == pytest.approx((0.5 - 0.0219, 0.5 + 0.0219), abs=1e-4)


def test_any_statistic_of_any_values_can_be_resampled() -> None:
    pairs = [(n, 2 * n) for n in range(1, 30)]
    found = bootstrap(
        pairs, lambda drawn: sum(b for _, b in drawn) / sum(a for a, _ in drawn), seed=1
    )
    assert found == pytest.approx((2.0, 2.0))


def test_pairs_are_compared_pair_by_pair() -> None:
    before = [float(n) for n in range(50)]
    after = [each + 0.25 for each in before]
    assert paired_bootstrap(before, after, seed=1) == pytest.approx((0.25, 0.25))
    with pytest.raises(ValueError, match="zip"):
        paired_bootstrap([1.0], [], seed=1)

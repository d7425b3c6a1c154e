"""Wilcoxon's signed-rank test against brute force over all signs, and its normal limit."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from app.core.paired_tests import MOST_EXACT, wilcoxon


def brute_force(changes: list[float]) -> float:
    """Try every way to give signs; ranks of equal sizes are their mean."""
    sizes = sorted(abs(change) for change in changes)
    ranks = {s: 1 + sizes.index(s) + (sizes.count(s) - 1) / 2 for s in sizes}
    observed = sum(ranks[abs(change)] for change in changes if change > 0)
    sums = [
        sum(ranks[abs(c)] for c, sign in zip(changes, signs, strict=True) if sign)
        for signs in product((False, True), repeat=len(changes))
    ]
    low = sum(each <= observed for each in sums) / len(sums)
    high = sum(each >= observed for each in sums) / len(sums)
    return min(1.0, 2 * min(low, high))


def test_the_known_small_cases() -> None:
    assert wilcoxon([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 64)
    assert wilcoxon([-1, -2, -3, -4, -5]) == pytest.approx(2 / 32)
    assert wilcoxon([]) == 1.0
    assert wilcoxon([0.0, 0.0]) == 1.0
    assert wilcoxon([0.0, 1.0, 2.0, 3.0]) == wilcoxon([1.0, 2.0, 3.0])


def test_it_is_brute_force_ties_and_all() -> None:
    random = Random(5)
    for _ in range(40):
        changes = [random.choice([-3, -2, -1, 1, 2, 3]) for _ in range(random.randint(1, 9))]
        assert wilcoxon(changes) == pytest.approx(brute_force([float(c) for c in changes]))


def test_the_normal_limit_joins_the_exact_values() -> None:
    random = Random(9)
    for shift in (0.0, 0.2, 0.5):
        changes = [random.gauss(shift, 1) for _ in range(MOST_EXACT)]
        exact = wilcoxon(changes)
        beyond = wilcoxon([*changes, 1e-9])  # the smallest rank moves next to nothing
        assert beyond == pytest.approx(exact, abs=0.02)


def test_chance_alone_is_significant_one_time_in_twenty() -> None:
    random = Random(2)
    found = sum(wilcoxon([random.gauss(0, 1) for _ in range(80)]) < 0.05 for _ in range(600))
    assert 0.03 < found / 600 < 0.075

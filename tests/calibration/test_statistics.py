"""Shares, areas, thresholds and their intervals, beside figures worked out by hand."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from app.calibration.statistics import (
    Rate,
    allowed_passes,
    bootstrap,
    just_above,
    pairs_needed,
    pass_rate,
    roc_area,
    roc_points,
    threshold_at,
)
from app.core.statistics import Interval, wilson


def test_a_rate_of_nothing_has_no_share_and_rates_add_up() -> None:
    assert Rate(0, 0).share is None
    assert Rate(0, 0).interval is None
    assert Rate(1, 2) + Rate(3, 4) == Rate(4, 6)
    assert pass_rate([0.1, 0.5, 0.6], 0.5) == Rate(2, 3)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    # 0.9 is above all three, 0.5 above one, level with one, below one: (3 + 1.5) / 6
    assert roc_area([0.9, 0.5], [0.1, 0.5, 0.7]) == pytest.approx(0.75)
    assert roc_area([0.9, 0.8], [0.1]) == 1.0
    assert roc_area([0.1], [0.9, 0.8]) == 0.0
    assert roc_area([0.5] * 3, [0.5] * 4) == 0.5


def test_the_roc_curve_goes_from_nothing_to_all_and_encloses_the_area() -> None:
    random = Random(3)
    good = [random.gauss(0.6, 0.2) for _ in range(40)]
    bad = [random.gauss(0.4, 0.2) for _ in range(60)]
    points = roc_points(good, bad)
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (1.0, 1.0)
    below = sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(points))
    assert below == pytest.approx(roc_area(good, bad))


@pytest.mark.parametrize(
    ("count", "rate", "allowed"),
    [(99, 0.01, 0), (199, 0.01, 1), (198, 0.01, 0), (384, 0.01, 2), (10, 0.01, 0), (19, 0.5, 9)],
)
def test_so_many_may_pass_that_the_next_one_does_so_rarely_enough(
    count: int, rate: float, allowed: int
) -> None:
    assert allowed_passes(count, rate) == allowed
    assert allowed == 0 or (allowed + 1) / (count + 1) <= rate


def test_the_threshold_is_the_least_thousandth_above_the_last_that_must_fail() -> None:
    bad = [n / 100 for n in range(20)]  # 0.00 to 0.19
    assert threshold_at(bad, 0.5) == 0.101  # nine may pass: 0.11 to 0.19
    assert pass_rate(bad, 0.101).passed == allowed_passes(20, 0.5)
    assert threshold_at(bad, 0.01) == 0.191
    assert just_above(0.5) == 0.501
    assert just_above(0.5004) == 0.501
    assert just_above(1.0) == 1.0
    assert just_above(-0.3) == 0.0


def test_a_chosen_threshold_keeps_its_rate_on_pairs_that_it_has_not_seen() -> None:
    random, passed = Random(5), 0
    for _ in range(400):
        chosen = threshold_at([random.gauss(0.3, 0.1) for _ in range(120)], 0.05)
        passed += random.gauss(0.3, 0.1) >= chosen
    # 20 expected of 400, less for rounding up: 5 to 33 is three standard deviations about it
    assert 5 <= passed <= 33


def test_the_rule_of_three_says_how_many_pairs_a_rate_takes() -> None:
    assert [pairs_needed(rate) for rate in (0.01, 0.05, 0.001)] == [300, 60, 3000]


def _values(seed: int, mean: float, sources: int) -> list[tuple[float, int]]:
    random = Random(seed)
    return [(random.gauss(mean, 0.15), source) for source in range(sources) for _ in range(3)]


def test_the_bootstrap_is_repeatable_and_holds_the_figures() -> None:
    good, bad = _values(1, 0.7, 40), _values(2, 0.4, 40)
    spread = bootstrap(good, bad, 0.05, seed=7)
    assert spread == bootstrap(good, bad, 0.05, seed=7)
    assert spread != bootstrap(good, bad, 0.05, seed=8)
    assert spread.area is not None
    assert spread.threshold is not None
    area = roc_area([value for value, _ in good], [value for value, _ in bad])
    assert spread.area.low < area < spread.area.high
    assert 0.02 < spread.area.high - spread.area.low < 0.15
    assert spread.threshold.low <= threshold_at([value for value, _ in bad], 0.05)
    assert threshold_at([value for value, _ in bad], 0.05) <= spread.threshold.high


def test_pairs_of_one_question_are_drawn_together() -> None:
    """Ten copies of each pair say no more than one: the interval stays as wide."""
    good, bad = _values(1, 0.6, 20), _values(2, 0.4, 20)
    once = bootstrap(good, bad, 0.1, seed=1).area
    copied = bootstrap(good * 10, bad * 10, 0.1, seed=1).area
    assert once is not None
    assert copied is not None
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.05)


def test_a_perfect_area_is_not_taken_for_certain() -> None:
    good, bad = [(0.9, n) for n in range(14)], [(0.1, n) for n in range(14)]
    assert bootstrap(good, bad, 0.1, seed=1).area == Interval(wilson(14, 14).low, 1.0)

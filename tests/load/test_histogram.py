"""Percentiles from logarithmic buckets, and the course in windows."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from app.load.histogram import Histogram
from app.load.windows import Windows


def filled(values: list[float], missing: int = 0) -> Histogram:
    found = Histogram()
    for value in values:
        found.record(value)
    for _ in range(missing):
        found.miss()
    return found


def test_percentiles_are_within_half_a_percent_of_the_sorted_values() -> None:
    draw = Random(4)
    values = [draw.lognormvariate(-3.0, 2.0) for _ in range(5_000)]
    found, ordered = filled(values), sorted(values)
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        exact = ordered[round(share * len(values)) - 1]
        assert found.quantile(share) == pytest.approx(exact, rel=0.0051)
    assert found.quantile(1.0) == found.longest == ordered[-1]
    assert found.mean == pytest.approx(sum(values) / len(values))


def test_what_never_came_is_longer_than_everything() -> None:
    found = filled([0.1] * 98, missing=2)
    assert found.quantile(0.98) == pytest.approx(0.1)
    assert found.quantile(0.99) == inf
    assert filled([], missing=1).quantile(0.5) == inf
    assert filled([]).quantile(0.5) is None
    assert filled([]).mean is None


def test_a_clock_that_differs_breaks_nothing() -> None:
    assert filled([-0.2, 0.0]).quantile(1.0) == 0.0


def test_histograms_add_up() -> None:
    one = filled([0.1, 0.2], missing=1)
    one.add(filled([0.4], missing=2))
    assert (one.count, one.missing, one.longest) == (3, 3, 0.4)
    assert one.quantile(0.5) == pytest.approx(0.4, rel=0.0051)


def test_windows_stay_few_and_lose_nothing() -> None:
    windows = Windows(1.0, most=10)
    for second in range(95):
        window = windows.at(float(second))
        window.accepted += 1
        window.accept_seconds.record(second / 100)
    assert windows.seconds == 16.0
    assert [(at, each.accepted) for at, each in windows.all()] == [
        *((n * 16.0, 16) for n in range(5)),
        (80.0, 15),
    ]
    assert sum(each.accept_seconds.count for _, each in windows.all()) == 95


def test_a_window_in_which_nothing_was_is_there_and_empty() -> None:
    windows = Windows(1.0)
    windows.at(0.5).due += 1
    windows.at(2.5).due += 1
    assert [each.due for _, each in windows.all()] == [1, 0, 1]
    assert windows.last_before(3.1).due == 1

"""Rates of stages: of the last minute, or of the time since the start."""

from __future__ import annotations

import pytest

from agents.stage_rates import StageRates


def test_a_rate_is_of_the_last_minute_and_a_young_worker_s_of_its_life() -> None:
    now = 100.0
    rates = StageRates(lambda: now)
    assert (rates.last_minute("ask"), rates.per_second("ask")) == (0, 0.0)
    for second in range(10):
        now = 100.0 + second
        rates.done("ask", 20)
        rates.done("ask", 10)
    now = 110.0
    assert (rates.last_minute("ask"), rates.per_second("ask")) == (300, pytest.approx(30.0))
    assert rates.last_minute("judge") == 0
    now = 150.0
    assert rates.per_second("ask") == pytest.approx(300 / 50)
    now = 165.5  # the first six seconds are older than a minute
    assert (rates.last_minute("ask"), rates.per_second("ask")) == (120, pytest.approx(2.0))
    now = 1_000.0
    assert rates.last_minute("ask") == 0

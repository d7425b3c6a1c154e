from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.ratings.latency import LatencyHistogram


def test_no_durations_have_no_quantile() -> None:
    assert LatencyHistogram().quantile(0.5) is None


@given(st.lists(st.floats(0.0002, 1e5), min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_at_most_an_eighth_too_large(durations: list[float], share: float) -> None:
    histogram = LatencyHistogram()
    for seconds in durations:
        histogram.add(seconds)
    exact = sorted(durations)[max(0, -int(-share * len(durations) // 1) - 1)]
    found = histogram.quantile(share)
    assert found is not None
    assert exact * 0.999 <= found <= exact * 1.125


@given(st.floats(-1e9, 1e12), st.integers(1, 1000))
def test_any_duration_is_counted(seconds: float, times: int) -> None:
    histogram = LatencyHistogram()
    histogram.add(seconds, times)
    assert histogram.count == times
    assert histogram.quantile(1.0) is not None

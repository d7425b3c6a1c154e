"""When a client that was refused may come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.backlog import ComeBack, Drain


def drain(*seen: tuple[float, int]) -> float | None:
    rate = Drain()
    for now, ended in seen:
        rate.note(now, ended)
    return rate.per_second()


def test_the_rate_is_that_of_the_last_minute() -> None:
    assert drain((0.0, 0), (10.0, 50)) == 5.0
    history = [(float(at), 100 * min(at, 60)) for at in range(181)]
    assert drain(*history) == 0.0, "nothing has ended for two minutes"


def test_a_rate_of_a_moment_is_not_believed() -> None:
    assert drain() is None
    assert drain((0.0, 0), (1.0, 500)) is None


def test_the_wait_is_what_the_excess_takes() -> None:
    assert ComeBack().after(0.0, 100, 10.0) == 10
    assert ComeBack().after(0.0, 1, 1000.0) == 1, "at least a second"
    assert ComeBack().after(0.0, 10**6, 1.0) == 300, "at most five minutes"
    assert ComeBack().after(0.0, 1, 0.0) == 300
    assert ComeBack().after(0.0, 1, None) == 5


def test_clients_refused_together_come_back_one_after_the_other() -> None:
    back = ComeBack()
    waits = [back.after(0.0, 1, 2.0) for _ in range(100)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 50)


def test_what_was_promised_long_ago_delays_nobody() -> None:
    back = ComeBack()
    for _ in range(100):
        back.after(0.0, 1, 1.0)
    assert back.after(1000.0, 1, 1.0) == 1


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(-5, 10**6), st.none() | st.floats(0, 1e6)))
)
def test_the_wait_is_always_within_its_bounds(history: list[tuple[float, int, float]]) -> None:
    back, now = ComeBack(), 0.0
    for pause, excess, rate in history:
        now += pause
        assert 1 <= back.after(now, excess, rate) <= 300

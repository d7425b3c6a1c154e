"""The circuit breaker: when it opens, how it probes, and that it always closes again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.breaker import (
    LONGEST_PAUSE,
    PROBE_JITTER,
    Breaker,
    BreakerPolicy,
    BreakerState,
    Go,
    Probe,
    Wait,
)
from app.core.failures import CAUSES
from app.core.pressure import Pressure, blames_the_server, pressure_of

FINE, OVERLOADED = Pressure.FINE, Pressure.OVERLOADED
TIMED_OUT, RATE_LIMITED = Pressure.TIMED_OUT, Pressure.RATE_LIMITED


def calls(breaker: Breaker, now: float, *pressures: Pressure, seconds: float = 0.1) -> list[bool]:
    """End one quick call after the other at `now`; tell which of them opened the breaker."""
    return [breaker.on_call(now, now - seconds, pressure, 0.0) for pressure in pressures]


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker()
    calls(breaker, now, *[OVERLOADED] * 10)
    assert breaker.state(now) is BreakerState.OPEN
    return breaker


def test_it_opens_at_the_tenth_call_of_which_half_have_failed() -> None:
    breaker = Breaker()
    assert not any(calls(breaker, 1.0, *[FINE, OVERLOADED] * 4, FINE))
    assert isinstance(breaker.ask(1.0), Go)
    assert calls(breaker, 1.0, TIMED_OUT) == [True]
    assert breaker.ask(1.0) == Wait(5.0)


def test_fewer_calls_or_fewer_failures_leave_it_closed() -> None:
    breaker = Breaker()
    assert not any(calls(breaker, 1.0, *[OVERLOADED] * 9))
    breaker = Breaker()
    assert not any(calls(breaker, 1.0, *[FINE, FINE, OVERLOADED] * 50))


def test_what_ended_before_the_window_counts_no_more() -> None:
    breaker = Breaker()
    calls(breaker, 1.0, *[OVERLOADED] * 9)
    assert calls(breaker, 31.1, OVERLOADED) == [False]


def test_calls_that_hang_count_for_twice_their_length() -> None:
    """Two rounds of time-outs of 120 s: 8, then 5 of them."""
    breaker = Breaker()
    assert not any(calls(breaker, 120.0, *[TIMED_OUT] * 8, seconds=120))
    assert any(calls(breaker, 240.0, *[TIMED_OUT] * 5, seconds=120))


def test_rate_limits_do_not_open_it() -> None:
    assert not any(calls(Breaker(), 1.0, *[RATE_LIMITED] * 100))


def test_what_began_before_it_opened_changes_nothing() -> None:
    breaker = opened(100.0)
    assert breaker.on_call(101.0, 99.0, FINE, 0.0) is False
    assert breaker.state(101.0) is BreakerState.OPEN
    assert isinstance(breaker.ask(105.0), Probe)
    assert breaker.on_probe(105.1, FINE, 0.0)
    assert not any(breaker.on_call(200.0, 99.0, TIMED_OUT, 0.0) for _ in range(20))


def test_there_is_one_probe_at_a_time() -> None:
    breaker = opened(100.0)
    assert breaker.ask(104.9) == Wait(pytest.approx(0.1))
    assert breaker.state(105.0) is BreakerState.HALF_OPEN
    assert isinstance(breaker.ask(105.0), Probe)
    assert breaker.ask(500.0) == Wait(None)
    breaker.on_probe_abandoned()
    assert isinstance(breaker.ask(500.0), Probe)


def test_the_pause_doubles_with_each_failed_probe_up_to_six_times_the_first() -> None:
    breaker, now = opened(0.0), 5.0
    pauses = []
    for _ in range(6):
        assert isinstance(breaker.ask(now), Probe)
        assert not breaker.on_probe(now, OVERLOADED, 0.0)
        wait = breaker.ask(now)
        assert isinstance(wait, Wait)
        assert wait.seconds is not None
        pauses.append(wait.seconds)
        now += wait.seconds
    assert pauses == [10, 20, 30, 30, 30, 30]


@pytest.mark.parametrize("pressure", [FINE, RATE_LIMITED])
def test_a_probe_that_the_server_answers_closes_it(pressure: Pressure) -> None:
    breaker = opened(100.0)
    breaker.ask(105.0)
    assert breaker.on_probe(105.2, pressure, 0.0)
    assert isinstance(breaker.ask(105.2), Go)


@pytest.mark.parametrize("pressure", [OVERLOADED, TIMED_OUT])
def test_a_probe_that_fails_keeps_it_open(pressure: Pressure) -> None:
    breaker = opened(100.0)
    breaker.ask(105.0)
    assert not breaker.on_probe(105.2, pressure, 0.0)
    assert breaker.state(105.2) is BreakerState.OPEN


def test_soon_after_an_outage_three_calls_are_enough() -> None:
    breaker = opened(100.0)
    breaker.ask(105.0)
    breaker.on_probe(105.0, FINE, 0.0)
    assert calls(breaker, 106.0, OVERLOADED, FINE, OVERLOADED) == [False, False, True]
    breaker.ask(111.0)
    breaker.on_probe(111.0, FINE, 0.0)
    calls(breaker, 112.0, *[FINE] * 10)
    breaker._ends.clear()
    assert not any(calls(breaker, 113.0, *[OVERLOADED] * 9)), "the outage is forgotten"


@pytest.mark.parametrize(
    ("cause", "pressure"),
    [
        ("overloaded", OVERLOADED),
        ("server_error", OVERLOADED),
        ("refused", OVERLOADED),
        ("timeout", TIMED_OUT),
        ("gateway_timeout", OVERLOADED),
        ("rate_limited", RATE_LIMITED),
        ("insufficient_quota", FINE),
        ("bad_request", FINE),
    ],
)
def test_what_a_cause_says_about_the_server(cause: str, pressure: Pressure) -> None:
    assert pressure_of(CAUSES[cause]) is pressure


def test_only_what_no_question_can_have_caused_is_blamed_on_the_server() -> None:
    statuses = {"bad_gateway": 502, "server_error": 500, "gateway_timeout": 504}
    blamed = {
        name for name, cause in CAUSES.items() if blames_the_server(cause, statuses.get(name))
    }
    assert blamed == {"overloaded", "refused", "model_loading", *statuses}


EVENT = st.tuples(
    st.floats(0, 60), st.sampled_from(list(Pressure)), st.floats(0, 200), st.floats(0, 1)
)


@given(st.integers(1, 20), st.floats(0.05, 1), st.lists(EVENT, max_size=300))
def test_whatever_happens_probes_are_single_never_early_and_always_come(
    min_calls: int, rate: float, events: list[tuple[float, Pressure, float, float]]
) -> None:
    policy = BreakerPolicy(min_calls=min_calls, failure_rate=rate)
    breaker, now, last_failure = Breaker(policy), 0.0, float("-inf")
    longest = LONGEST_PAUSE * policy.probe_seconds * (1 + PROBE_JITTER)
    for pause, pressure, seconds, draw in events:
        now += pause
        match breaker.ask(now):
            case Go():
                was_opened = breaker.on_call(now, now - seconds, pressure, draw)
                last_failure = now if was_opened else last_failure
            case Probe():
                assert now - last_failure >= policy.probe_seconds
                assert isinstance(breaker.ask(now), Wait)
                if not breaker.on_probe(now, pressure, draw):
                    last_failure = now
            case Wait(left):
                assert left is not None
                assert 0 < left <= longest
    now += longest
    if breaker.state(now) is not BreakerState.CLOSED:
        assert isinstance(breaker.ask(now), Probe)
        assert breaker.on_probe(now, FINE, 0.0)
    assert isinstance(breaker.ask(now), Go)

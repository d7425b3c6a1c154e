"""The limit on calls in flight: what lowers it, what raises it, and what must not."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.limiter import MEMORY_SECONDS, START_AT_MOST, Limiter
from tests.core.model_simulation import Server, Simulation


def test_the_limit_starts_at_the_ceiling_and_a_high_ceiling_is_approached() -> None:
    assert Limiter(8).in_force == 8
    assert Limiter(500).in_force == START_AT_MOST
    simulation = Simulation(Limiter(500), Server(capacity=500)).run(10)
    assert simulation.limiter.in_force == 500


def test_an_overload_lowers_the_limit_once_for_calls_that_were_in_flight_together() -> None:
    limiter = Limiter(8)
    for in_flight in range(8, 0, -1):
        limiter.on_overload(1.0, 0.0, in_flight)
    assert limiter.in_force == 5


def test_overload_after_overload_lowers_it_to_one_and_never_below() -> None:
    limiter = Limiter(8)
    for second in range(100):
        limiter.on_overload(second + 1.0, second + 0.5, limiter.in_force)
    assert limiter.in_force == 1


def test_success_raises_the_limit_only_while_it_is_in_use() -> None:
    limiter = Limiter(8)
    limiter.on_overload(1.0, 0.0, 8)
    for second in range(2, 100):
        limiter.on_success(float(second), second - 1.0, in_flight=2)
    assert limiter.in_force == 5
    for second in range(100, 200):
        limiter.on_success(float(second), second - 1.0, in_flight=limiter.in_force)
    assert limiter.in_force == 8


def test_a_limit_that_was_too_high_is_not_tried_again_at_once() -> None:
    limiter = Limiter(8)
    limiter.on_overload(0.0, -1.0, 8)
    now = 0.0
    while now + 0.1 < MEMORY_SECONDS:
        now += 0.1
        limiter.on_success(now, now - 0.05, limiter.in_force)
        assert limiter.in_force < 8
    assert limiter.in_force == 7, "it comes as near as it may"
    limiter.on_success(MEMORY_SECONDS + 0.1, MEMORY_SECONDS, 7)
    assert limiter.in_force == 8


def test_a_server_that_sheds_gets_what_it_can_serve_and_little_more() -> None:
    simulation = Simulation(Limiter(16), Server(capacity=4, sheds=True)).run(300)
    assert simulation.goodput(since=60) >= 0.95 * 4
    assert len(simulation.failed) <= 0.1 * len(simulation.answered)


@pytest.mark.parametrize("seconds", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("ceiling", [1, 8, 64])
def test_a_slow_but_steady_model_is_not_throttled(seconds: float, ceiling: int) -> None:
    server = Server(capacity=ceiling, seconds=lambda _: seconds)
    simulation = Simulation(Limiter(ceiling, 120), server).run(100 * seconds)
    assert simulation.limiter.in_force == ceiling
    assert simulation.lowest_limit(since=0) >= min(ceiling, START_AT_MOST)


@pytest.mark.parametrize("capacity", [1, 2, 4, 8])
def test_a_server_that_queues_keeps_its_goodput(capacity: int) -> None:
    simulation = Simulation(Limiter(8, 120), Server(capacity=capacity)).run(600)
    assert simulation.goodput(since=0) >= 0.98 * capacity
    assert simulation.failed == []


def test_a_long_queue_that_runs_into_our_time_out_is_shortened_until_it_does_not() -> None:
    """One call at a time, 20 s each, a time-out of 70 s: eight at once would mostly time out."""
    limiter = Limiter(8, 70)
    server = Server(capacity=1, seconds=lambda _: 20.0)
    simulation = Simulation(limiter, server, timeout_seconds=70).run(3600)
    assert simulation.goodput(since=600) >= 0.95 / 20
    late = [at for at in simulation.failed if at >= 600]
    assert len(late) <= 0.1 * len(simulation.answered)


def test_a_queue_of_our_own_making_is_halved_as_long_as_that_shortens_it() -> None:
    """Learnt at light load, then full load on a server for two: half of eight is enough."""
    limiter = Limiter(8, 120)
    for call in range(20):
        limiter.on_success(call + 1.0, float(call), in_flight=1)
    simulation = Simulation(limiter, Server(capacity=2), now=100.0).run(100)
    assert simulation.lowest_limit(since=100) >= 2
    assert sum(limit for _, limit in simulation.limits) / len(simulation.limits) <= 5
    assert simulation.goodput(since=100) >= 0.98 * 2


def test_a_server_ten_times_slower_lowers_the_limit_for_a_while_then_it_is_the_new_usual() -> None:
    slow = False
    server = Server(capacity=8, seconds=lambda _: 5.0 if slow else 0.5)
    simulation = Simulation(Limiter(8, 120), server).run(60)
    assert simulation.limiter.in_force == 8
    slow = True
    simulation.run(60)
    assert simulation.lowest_limit(since=60) <= 4
    simulation.run(60)
    assert simulation.limiter.in_force == 8, "a lower limit did not help, so it returned"
    slow = False
    simulation.run(60)
    assert simulation.goodput(since=200) >= 0.95 * 16


@pytest.mark.parametrize("ceiling", [2, 3, 5])
def test_long_calls_leave_room_for_two_at_once(ceiling: int) -> None:
    """With one, a single call that hangs would be the only one."""
    server = Server(capacity=ceiling, seconds=lambda n: 0.5 if n < 50 else 30.0)
    simulation = Simulation(Limiter(ceiling, 120), server).run(600)
    assert simulation.lowest_limit(since=0) == 2


def test_a_call_of_a_millisecond_that_a_busy_processor_lengthens_is_no_sign() -> None:
    limiter = Limiter(8)
    for call in range(400):
        seconds = 0.001 if call < 100 else 0.09
        limiter.on_success(call + seconds, float(call), limiter.in_force)
        assert limiter.in_force == 8


def test_a_batch_of_long_questions_is_no_overload() -> None:
    """Answers of 400 tokens after answers of 20: each token takes no longer than before."""

    def tokens(call: int) -> int:
        return 20 if call < 200 or call > 400 else 400

    server = Server(capacity=8, seconds=lambda n: 0.2 + 0.05 * tokens(n), tokens=tokens)
    simulation = Simulation(Limiter(8, 120), server).run(1000)
    assert simulation.lowest_limit(since=0) == 8


def test_long_questions_without_token_counts_cost_a_few_calls_at_half_the_limit() -> None:
    server = Server(capacity=8, seconds=lambda n: 1.0 if n < 100 else 10.0)
    simulation = Simulation(Limiter(8, 120), server).run(400)
    assert simulation.lowest_limit(since=0) == 4
    assert simulation.goodput(since=60) >= 0.95 * 0.8


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_lengths_that_vary_by_chance_keep_most_of_the_goodput(seed: int) -> None:
    """Answers of 5 to 400 tokens in random order."""
    random = Random(seed)
    sizes = [round(math.exp(random.uniform(math.log(5), math.log(400)))) for _ in range(4000)]
    server = Server(
        capacity=8,
        seconds=lambda n: 0.3 + 0.02 * sizes[n % 4000],
        tokens=lambda n: sizes[n % 4000],
    )
    simulation = Simulation(Limiter(8, 120), server).run(300)
    alone = sum(0.3 + 0.02 * size for size in sizes) / len(sizes)
    assert simulation.goodput(since=0) >= 0.75 * 8 / alone


def test_after_an_overload_is_over_goodput_is_back_within_a_minute() -> None:
    server = Server(capacity=1, sheds=True)
    simulation = Simulation(Limiter(16, 120), server).run(120)
    server.capacity = 16
    simulation.run(60)
    assert simulation.goodput(since=170) >= 0.9 * 16


def test_after_an_outage_it_begins_with_one_call_and_doubles() -> None:
    limiter = Limiter(8)
    limiter.on_recovery(10.0)
    assert limiter.in_force == 1
    for done in range(7):
        limiter.on_success(11.0 + done, 10.5 + done, limiter.in_force)
    assert limiter.in_force == 8


@pytest.mark.parametrize(
    ("asked", "seconds"), [(2, 2), (30, 30), (0, 1), (0.5, 1), (300, 300), (1e9, 300)]
)
def test_a_rate_limit_pauses_for_as_long_as_it_says_between_1_and_300_s(
    asked: float, seconds: float
) -> None:
    limiter = Limiter(8)
    limiter.on_rate_limit(100.0, 99.0, 8, asked)
    assert limiter.pause_left(100.0) == seconds
    assert limiter.pause_left(100.0 + seconds) == 0
    limiter.on_rate_limit(100.0, 99.0, 7, 1.0)
    assert limiter.pause_left(100.0) == seconds, "a shorter word does not end a longer pause"


def test_rate_limits_that_name_no_time_pause_1_2_4_s_and_a_success_forgets_them() -> None:
    limiter, now = Limiter(8), 0.0
    pauses = []
    for _ in range(8):
        limiter.on_rate_limit(now + 0.1, now, 2, None)
        limiter.on_rate_limit(now + 0.2, now, 1, None)  # was in flight with the first: no news
        pauses.append(round(limiter.pause_left(now + 0.1), 6))
        now += 0.1 + pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    limiter.on_success(now + 1, now, 1)
    limiter.on_rate_limit(now + 3, now + 2, 1, None)
    assert limiter.pause_left(now + 3) == 1


STEP = st.tuples(
    st.sampled_from(["success", "overload", "limited", "limited after", "recovery"]),
    st.floats(0, 400),
    st.floats(0, 500),
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(0, 1000)),
)


@given(st.integers(1, 1000), st.lists(STEP, max_size=200))
def test_whatever_happens_the_limit_stays_between_one_and_the_ceiling(
    ceiling: int, steps: list[tuple[str, float, float, int, int | None]]
) -> None:
    limiter, now = Limiter(ceiling, 120), 0.0
    for what, pause, seconds, in_flight, number in steps:
        now += pause
        started_at = now - seconds
        left = limiter.pause_left(now)
        match what:
            case "success":
                limiter.on_success(now, started_at, in_flight, number)
            case "overload":
                limiter.on_overload(now, started_at, in_flight)
            case "limited":
                limiter.on_rate_limit(now, started_at, in_flight, None)
            case "limited after":
                limiter.on_rate_limit(now, started_at, in_flight, float(number or 0))
            case _:
                limiter.on_recovery(now)
        assert 1 <= limiter.in_force <= ceiling
        assert left <= limiter.pause_left(now) <= 300 + 1e-6, (
            "a pause never ends early, and has an end"
        )


@settings(max_examples=30, deadline=None)
@given(st.lists(STEP, max_size=100))
def test_it_recovers_from_any_past_on_a_healthy_server(
    steps: list[tuple[str, float, float, int, int | None]],
) -> None:
    limiter, now = Limiter(8, 120), 0.0
    for what, pause, seconds, in_flight, _ in steps:
        now += pause
        if what == "success":
            limiter.on_success(now, now - seconds, in_flight)
        else:
            limiter.on_overload(now, now - seconds, in_flight)
    simulation = Simulation(limiter, Server(capacity=8), now=now).run(700)
    assert limiter.in_force == 8
    assert simulation.failed == []

"""The turnstile: calls in order of arrival, within the limit, and no pass is ever lost."""

from __future__ import annotations

import asyncio
from random import Random
from unittest.mock import Mock

import pytest

from agents.turnstile import Pass, Turnstile
from app.core.breaker import BreakerPolicy, BreakerState
from app.core.limiter import Limiter
from app.core.pressure import Pressure
from app.metrics import Metrics

NEVER = BreakerPolicy(min_calls=10_000)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(ceiling: int, policy: BreakerPolicy = NEVER) -> tuple[Turnstile, Time]:
    time = Time()
    return Turnstile(Limiter(ceiling), policy, Metrics(), Random(1), Mock(), time), time


async def came(turn: asyncio.Future[Pass]) -> Pass:
    return await asyncio.wait_for(turn, 1.0)


async def test_as_many_pass_as_the_limit_allows_and_the_rest_in_order_of_arrival() -> None:
    turnstile, _ = make(2)
    turns = [turnstile.line_up() for _ in range(5)]
    assert [turn.done() for turn in turns] == [True, True, False, False, False]
    turnstile.ended(await came(turns[1]), Pressure.FINE)
    assert [turn.done() for turn in turns] == [True, True, True, False, False]
    assert (turnstile.in_flight, turnstile.waiting) == (2, 2)


async def test_who_steps_out_gives_up_his_place_or_his_pass() -> None:
    turnstile, _ = make(1)
    first, second, third = (turnstile.line_up() for _ in range(3))
    turnstile.step_out(second)
    turnstile.step_out(first)  # it had come
    assert third.done()
    assert turnstile.in_flight == 1
    turnstile.unused(await came(third))
    assert (turnstile.in_flight, turnstile.waiting) == (0, 0)


async def test_a_pass_is_given_back_once() -> None:
    turnstile, _ = make(1)
    leave = await came(turnstile.line_up())
    turnstile.ended(leave, Pressure.FINE)
    turnstile.unused(leave)
    turnstile.unused(leave)
    assert turnstile.in_flight == 0


async def test_a_rate_limit_holds_all_back_until_its_time_and_wakes_them_then() -> None:
    turnstile, time = make(4)
    leave = await came(turnstile.line_up())
    turnstile.ended(leave, Pressure.RATE_LIMITED, retry_after_seconds=1.0)
    turn = turnstile.line_up()
    time.now += 0.9
    await asyncio.sleep(0.3)
    assert not turn.done()
    time.now += 0.1
    await asyncio.wait_for(turn, 2.0)
    assert "paused" not in turnstile.describe()


async def test_with_the_breaker_open_one_probe_passes_at_its_time_and_opens_the_way() -> None:
    turnstile, time = make(4, BreakerPolicy(min_calls=4, probe_seconds=0.2))
    for leave in [await came(turnstile.line_up()) for _ in range(4)]:
        turnstile.ended(leave, Pressure.OVERLOADED)
    assert turnstile.state is BreakerState.OPEN
    turns = [turnstile.line_up() for _ in range(3)]
    time.now += 1.0
    probe = await came(turns[0])
    assert probe.probe
    assert [turn.done() for turn in turns[1:]] == [False, False]
    assert turnstile.state is BreakerState.HALF_OPEN
    turnstile.ended(probe, Pressure.FINE)
    assert not (await came(turns[1])).probe
    assert not turns[2].done(), "it begins with one call at a time"
    assert turnstile.state is BreakerState.CLOSED


async def test_a_probe_that_is_not_made_leaves_its_place_to_the_next() -> None:
    turnstile, time = make(4, BreakerPolicy(min_calls=4, probe_seconds=0.2))
    for leave in [await came(turnstile.line_up()) for _ in range(4)]:
        turnstile.ended(leave, Pressure.OVERLOADED)
    time.now += 1.0
    probe, other = turnstile.line_up(), turnstile.line_up()
    turnstile.unused(await came(probe))
    assert (await came(other)).probe


async def test_calls_that_hang_since_before_the_outage_do_not_hold_up_the_probe() -> None:
    turnstile, time = make(8, BreakerPolicy(min_calls=4, probe_seconds=0.2))
    leaves = [await came(turnstile.line_up()) for _ in range(8)]
    for leave in leaves[:4]:
        turnstile.ended(leave, Pressure.TIMED_OUT)
    assert turnstile.limiter.in_force < turnstile.in_flight + 2
    time.now += 1.0
    assert (await came(turnstile.line_up())).probe


@pytest.mark.parametrize("seed", range(20))
async def test_no_pass_is_lost_whatever_waiters_do(seed: int) -> None:
    random = Random(seed)
    turnstile, time = make(3, BreakerPolicy(min_calls=5, probe_seconds=0.01))
    most = 0

    async def worker() -> None:
        nonlocal most
        for _ in range(30):
            turn = turnstile.line_up()
            try:
                async with asyncio.timeout(random.choice([0.0005, 0.05])):
                    leave = await turn
            except TimeoutError:
                turnstile.step_out(turn)
                continue
            most = max(most, turnstile.in_flight)
            await asyncio.sleep(random.uniform(0, 0.001))
            if random.random() < 0.2:
                turnstile.unused(leave)
            else:
                fine = random.random() < 0.5
                turnstile.ended(leave, Pressure.FINE if fine else Pressure.OVERLOADED)
            time.now += 0.01

    await asyncio.gather(*(worker() for _ in range(6)))
    assert (turnstile.in_flight, turnstile.waiting) == (0, 0)
    assert most <= 3

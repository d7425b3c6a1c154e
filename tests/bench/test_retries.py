"""What the bench of waits rests on: due times spread evenly, and a clock that can stand still."""

from __future__ import annotations

import asyncio
import time

import pytest

from bench.loop_watch import Watch, percentile
from bench.retries import BATCH, SPREAD_SECONDS, StandingClock, spread


@pytest.mark.parametrize("pending", [20_000, 100_000])
def test_due_times_are_spread_evenly_whatever_batch_they_come_in(pending: int) -> None:
    dues = [each for n in range(0, pending, BATCH) for each in spread(5.0, pending, n, BATCH)]
    step = SPREAD_SECONDS / pending
    assert max(abs(each - 5.0 - n * step) for n, each in enumerate(sorted(dues))) < 1e-6
    assert max(dues[:BATCH]) - min(dues[:BATCH]) > 0.9 * SPREAD_SECONDS, "no batch is due together"


def test_a_clock_that_stood_still_goes_on_where_it_stood() -> None:
    clock = StandingClock()
    with clock.standing():
        stood, real = clock.now(), time.time()
        while time.time() - real < 0.2:
            time.sleep(0.05)
        assert clock.now() == stood
    assert clock.behind >= 0.2
    assert clock.now() == pytest.approx(time.time() - clock.behind, abs=5)
    assert clock.now() >= stood


async def test_a_blocked_loop_is_seen() -> None:
    async with Watch() as watch:
        await asyncio.sleep(0.05)
        time.sleep(0.3)  # noqa: ASYNC251 (that is what is to be seen)
        await asyncio.sleep(0.05)
    assert watch.longest >= 0.25


def test_a_percentile_does_not_need_order() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0

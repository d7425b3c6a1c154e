"""The token clock: an exact average rate, whatever the sleeps and the work in between take."""

from __future__ import annotations

import pytest

from app.ratings.pace import Pace


class Clock:
    """Time that passes by sleeping, and a little more than asked for."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 100.0
        self.late = late

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + (self.late if seconds else 0.0)


async def given(pace: Pace, clock: Clock, seconds: float, most: int = 1000) -> int:
    """Count the tokens of a time that begins with the first one."""
    count, until = await pace.take(most), clock.now + seconds
    while True:
        taken = await pace.take(most)
        if clock.now > until + 1e-9:
            return count
        count += taken


@pytest.mark.parametrize("per_second", [0.5, 7.0, 200.0, 1000.0, 33_333.0])
@pytest.mark.parametrize("late", [0.0, 0.003])
async def test_the_average_is_exact_though_every_sleep_is_late(
    per_second: float, late: float
) -> None:
    clock = Clock(late)
    pace = Pace(per_second, now=clock, sleep=clock.sleep)
    assert await given(pace, clock, 100.0) == pytest.approx(100.0 * per_second, rel=0.001, abs=2)


async def test_slow_rates_give_one_token_at_its_time() -> None:
    clock = Clock()
    pace = Pace(10.0, now=clock, sleep=clock.sleep)
    times = []
    for _ in range(5):
        assert await pace.take(1000) == 1
        times.append(round(clock.now - 100.0, 6))
    assert times == [0.0, 0.1, 0.2, 0.3, 0.4]


async def test_what_was_missed_is_made_up_in_blocks() -> None:
    clock = Clock()
    pace = Pace(1000.0, now=clock, sleep=clock.sleep)
    await pace.take(100)
    clock.now += 1.0
    assert [await pace.take(400) for _ in range(2)] == [400, 400]
    assert await given(pace, clock, 1.0) == pytest.approx(1000 + 200, abs=20)


async def test_without_a_rate_there_is_no_wait() -> None:
    clock = Clock()
    assert await Pace(None, now=clock, sleep=clock.sleep).take(77) == 77
    assert clock.now == 100.0


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        Pace(0.0)

"""When requests are due."""

from __future__ import annotations

import math
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InputError
from app.load.arrivals import Piece, bursts, constant, due_times, ramp, steps, until


def test_a_constant_rate_is_evenly_spaced_and_does_not_drift() -> None:
    times = list(until(due_times(constant(5.0)), 60.0, None))
    assert len(times) == 300
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(59.8)


def test_a_ramp_has_as_many_arrivals_as_its_area() -> None:
    times = list(due_times(ramp(0.0, 20.0, 30.0)))
    assert len(times) == 300  # 30 s at 10 a second on average
    first_half = sum(at < 15.0 for at in times)
    assert first_half == 75  # a quarter of the triangle
    down = list(due_times(ramp(20.0, 0.0, 30.0)))
    assert len(down) == 300
    assert sum(at < 15.0 for at in down) == 225


def test_bursts_leave_the_pauses_empty_and_go_on_for_ever() -> None:
    times = list(islice(due_times(bursts(10.0, 2.0, 3.0)), 60))
    assert all(at % 5.0 < 2.0 for at in times)
    assert [sum(n * 5 <= at < n * 5 + 5 for at in times) for n in range(3)] == [20, 20, 20]


def test_steps_follow_each_other() -> None:
    times = list(due_times(steps("5x10, 20x10,0x5,1x10")))
    bounds = (0, 10, 20, 25, 35)
    assert [sum(a <= at < b for at in times) for a, b in pairwise(bounds)] == [50, 200, 0, 10]


@pytest.mark.parametrize("text", ["", "5", "5x", "ax3", "5x-1", "-5x3", "0x10", "5xinf", "nanx3"])
def test_a_step_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InputError, match="--steps"):
        steps(text)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    times = list(until(due_times(constant(50.0), Random(3)), 200.0, None))
    assert len(times) == pytest.approx(10_000, abs=4 * 100)  # 4 standard deviations
    gaps = [b - a for a, b in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert spread / mean == pytest.approx(1.0, abs=0.05)  # exponential; 0 when evenly spaced
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.02)


def test_poisson_arrivals_along_a_ramp_follow_it() -> None:
    times = list(due_times(ramp(0.0, 200.0, 100.0), Random(5)))
    assert len(times) == pytest.approx(10_000, abs=400)
    assert sum(at < 50.0 for at in times) == pytest.approx(2_500, abs=200)


def test_the_same_seed_gives_the_same_times() -> None:
    one, two, other = (
        list(until(due_times(constant(9.0), Random(seed)), 5.0, None)) for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


def test_a_run_ends_at_its_count_or_its_duration() -> None:
    assert list(until(due_times(constant(10.0)), None, 3)) == pytest.approx([0.0, 0.1, 0.2])
    assert len(list(until(due_times(constant(10.0)), 0.15, 3))) == 2


PIECES = st.builds(
    Piece, st.floats(0.1, 50.0), st.sampled_from([0.0, 0.5, 7.0, 40.0]), st.floats(0.0, 40.0)
)


@given(st.lists(PIECES, min_size=1, max_size=5))
def test_times_ascend_and_are_as_many_as_the_area(pieces: list[Piece]) -> None:
    times = list(due_times(pieces))
    area = sum(piece.arrivals() for piece in pieces)
    assert math.floor(area - 1e-6) <= len(times) <= math.ceil(area + 1e-6)
    assert all(a <= b + 1e-9 for a, b in pairwise(times))
    assert all(0.0 <= at <= sum(p.seconds for p in pieces) + 1e-9 for at in times)

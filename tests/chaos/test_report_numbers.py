"""Numbers, axes, labels and thinning of the chaos report: small pure decisions."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from app.chaos.report.series import course_of
from app.chaos.report.totals import slowest_recovery
from app.charts.axes import count_axis, seconds_axis, time_axis
from app.charts.labels import Label, place_labels
from app.charts.numbers import THIN, duration, moment, shown
from app.charts.points import Point, thinned


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (1234567, f"1{THIN}234{THIN}567"),
        (0.25, "0.25"),
        (3.0, "3"),
        (12.3456, "12.3"),
        (0.00012345, "0.000123"),
        (4321.7, f"4{THIN}322"),
        (-2.5, "-2.5"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (None, "–"),
        (True, "yes"),
        ([1, "a"], "1, a"),
        ({"a": 1000}, f"a: 1{THIN}000"),
    ],
)
def test_a_number_is_shown_as_people_read_it(value: object, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "0.012 s"),
        (0, "0 s"),
        (48.04, "48 s"),
        (99.94, "99.9 s"),
        (185, "3 min 5 s"),
        (180, "3 min"),
        (3720, "1 h 2 min"),
        ("soon", "–"),
        (None, "–"),
    ],
)
def test_a_duration_is_shown_in_the_units_that_fit(seconds: object, words: str) -> None:
    assert duration(seconds) == words


def test_a_moment_that_is_none_is_a_dash() -> None:
    assert moment(0) == "1970-01-01 00:00 UTC"
    assert [moment(value) for value in (None, "x", 1e20, math.nan)] == ["–"] * 4


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 7, 12, 99, 100, 101, 3456, 1e6])
def test_counts_stand_at_whole_round_numbers_from_0(highest: float) -> None:
    axis = count_axis([highest, 0])
    values = [tick.value for tick in axis.ticks]
    step = values[1]
    assert values[0] == 0
    assert values[-1] == axis.high >= highest
    assert 2 <= len(values) <= 7
    assert step >= 1
    assert step / 10 ** math.floor(math.log10(step)) in (1, 2, 5)
    assert all(b - a == step for a, b in itertools.pairwise(values))


def test_latencies_far_apart_stand_on_a_logarithmic_axis() -> None:
    assert not seconds_axis([0.5, 1, 2]).log
    axis = seconds_axis([0.4] * 50 + [180.0])
    assert axis.log
    assert [tick.label for tick in axis.ticks] == ["1", "10", "100"]
    assert axis.low <= 0.4 < 180 <= axis.high
    assert axis.share(0.0) == 0
    near = seconds_axis([1.0] * 50 + [25.0])
    assert [tick.label for tick in near.ticks] == ["1", "2", "5", "10", "20", "50"]


def test_no_latency_at_all_is_an_axis_too() -> None:
    assert seconds_axis([]).share(0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("end", "unit", "last"),
    [(0.2, "s", 1), (60, "s", 60), (150, "s", 150), (640, "min", 600), (3600 * 5, "h", 18_000)],
)
def test_times_stand_at_round_numbers_of_the_unit_that_fits(
    end: float, unit: str, last: float
) -> None:
    axis, found = time_axis(end, most=12)
    assert found == unit
    assert len(axis.ticks) <= 13
    assert axis.ticks[0].value == 0
    assert axis.ticks[-1].value == pytest.approx(last, abs=last * 0.2 + 1)


def overlapping(labels: list[Label]) -> list[tuple[str, str]]:
    return [
        (a.text, b.text)
        for n, a in enumerate(labels)
        for b in labels[n + 1 :]
        if a.lane == b.lane and a.left < b.left + b.width and b.left < a.left + a.width
    ]


def crossed(labels: list[Label]) -> list[tuple[str, str]]:
    """Labels that the line from another label down to its window runs through."""
    return [
        (upper.text, lower.text)
        for upper in labels
        for lower in labels
        if lower.lane < upper.lane and lower.left < upper.at < lower.left + lower.width
    ]


@pytest.mark.parametrize("seed", range(200))
def test_no_label_lies_over_another_or_over_its_line(seed: int) -> None:
    chance = random.Random(seed)
    width = chance.choice([390.0, 930.0])
    count = chance.randrange(1, 40)
    places = sorted(chance.uniform(0, width) for _ in range(count))
    names = ["x" * chance.randrange(1, 60) for _ in places]
    labels = place_labels(names, places, width)
    assert overlapping(labels) == []
    assert crossed(labels) == []
    assert all(label.left >= 0 and label.left + label.width <= width + 1e-6 for label in labels)
    assert labels


def test_names_that_do_not_fit_become_numbers() -> None:
    names = [f"SIGKILL worker-{n}" for n in range(30)]
    places = [10 + 30.0 * n for n in range(30)]
    labels = place_labels(names, places, 930)
    assert [label.text for label in labels] == [str(n) for n in range(1, 31)]
    assert [label.text for label in place_labels(names[:3], [10, 400, 700], 930)] == names[:3]


def test_thinning_keeps_ends_and_peaks() -> None:
    line: list[Point] = [(float(n), math.sin(n / 50)) for n in range(10_000)]
    line[4321] = (4321.0, 99.0)
    line[7000] = (7000.0, -99.0)
    found = thinned(line, 360)
    assert len(found) <= 362
    assert (4321.0, 99.0) in found
    assert (7000.0, -99.0) in found
    assert found == sorted(found)
    assert found[-1][0] > 9900
    assert thinned(line[:100], 360) == line[:100]


def test_a_gap_breaks_a_line_and_a_latency_of_0_is_a_gap() -> None:
    course = course_of(
        {
            "timeline": {
                "t": [0, 1, 2, 3, 4],
                "pending": [0, None, 3, 4, "?"],
                "latency_p50": [0, 0.0, 1, 2, 3],
            }
        }
    )
    assert course is not None
    assert course.lines("pending") == [[(0, 0)], [(2, 3), (3, 4)]]
    assert course.lines("latency_p50") == [[(2, 1), (3, 2), (4, 3)]]
    assert course.lines("nothing") == []


@pytest.mark.parametrize(
    "run",
    [{}, {"timeline": None}, {"timeline": {}}, {"timeline": {"t": [1]}}, {"timeline": {"t": "x"}}],
)
def test_without_two_moments_there_is_no_course(run: dict[str, object]) -> None:
    assert course_of(run) is None


@pytest.mark.parametrize(
    ("figures", "seconds"),
    [
        ({"working_again_seconds": 5.8, "recovery_seconds": 7}, 7),
        ({"settle_seconds": 60, "backends_terminated": 9, "seconds_again": 3}, None),
        ({"recovery_seconds": "soon"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_slowest_recovery_is_the_longest_time_to_work_again(
    figures: object, seconds: float | None
) -> None:
    assert slowest_recovery({"figures": figures}) == seconds

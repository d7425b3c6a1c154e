"""The figures that are read from what benches print, and the goals beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.catalogue import BENCHES
from bench.figures import Figure
from bench.goals import read_goals
from bench.results import Row, rows_of
from tests.bench.recorded import RAW

GOALS = read_goals()
RATE = Figure("rate", "a rate", 30.0, "/s", "higher", peer=10.0, peer_name="peer")

_GOOD = 'figure = "a.b"\nof = "ratio"\nat_least = 1'


def rows(bench_name: str) -> list[Row]:
    [bench] = [each for each in BENCHES if each.name == bench_name]
    return rows_of(bench.name, bench.read(RAW[bench.name]), GOALS)


def goals_in(text: str, tmp_path: Path) -> Path:
    file = tmp_path / "goals.toml"
    file.write_text(text)
    return file


def test_every_goal_belongs_to_a_figure_of_some_bench() -> None:
    known = {
        f"{each.name}.{figure.key}" for each in BENCHES for figure in each.read(RAW[each.name])
    }
    assert GOALS.keys() <= known


def test_no_two_figures_of_a_bench_are_the_same() -> None:
    for bench in BENCHES:
        keys = [(figure.key, figure.case) for figure in bench.read(RAW[bench.name])]
        assert len(set(keys)) == len(keys) > 0, bench.name


def test_a_ratio_is_judged_where_the_goal_is_one() -> None:
    found = {row.figure.key: (row.figure.ratio, row.met) for row in rows("pipeline")}
    assert found["embedded"] == (pytest.approx(7.9 / 7.2), True)
    assert found["kafka"] == (pytest.approx(8.5 / 7.2), False)


def test_a_measured_value_is_judged_where_the_goal_is_one() -> None:
    found = {row.figure.key: row.met for row in rows("api")}
    assert found == {
        **{"overhead_p50": True, "overhead_p99": False},
        **{"accepted": None, "accepted_many": None},
    }


def test_a_value_on_the_bound_meets_it() -> None:
    found = {row.figure.key: row.met for row in rows("retries")}
    assert found == dict.fromkeys(
        ("early", "late_p99_ms", "rss_mib", "blocked_ms", "burst_seconds"), True
    )


def test_a_run_that_is_too_small_for_its_goal_is_not_judged() -> None:
    [bench] = [each for each in BENCHES if each.name == "retries"]
    small = {**RAW["retries"], "pending": 20_000}
    assert {row.met for row in rows_of("retries", bench.read(small), GOALS)} == {None}


def test_the_ratio_that_a_bench_made_of_its_rounds_is_kept() -> None:
    assert RATE.ratio == 3.0
    assert replace(RATE, own_ratio=2.5).ratio == 2.5
    assert replace(RATE, peer=None).ratio is None


@pytest.mark.parametrize(
    "entry",
    [
        'figure = "a.b"\nof = "ratio"',
        'figure = "a.b"\nof = "speed"\nat_least = 1',
        'figure = "a.b"\nof = "ratio"\nat_least = 1\nat_most = 2',
        'figure = "a.b"\nof = "ratio"\nat_leats = 1',
        f"{_GOOD}\n[[goal]]\n{_GOOD}",
    ],
)
def test_a_goal_that_cannot_be_read_is_named(entry: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.b"):
        read_goals(goals_in(f"[[goal]]\n{entry}", tmp_path))

"""What traces cost is compared within a round; a run asks, is answered, and counts its spans."""

from __future__ import annotations

from typing import Any

import pytest

from bench import tracing_arms
from bench.tracing_cost import PATHS, figures_of, show
from tests.tracing.collector import collecting


def ran(ms: float) -> dict[str, float]:
    return {"ms": ms, "spans": 0.0, "dropped": 0}


def test_a_change_is_that_of_the_rounds_not_of_the_medians(capsys: Any) -> None:
    """A round in which the machine was twice as slow is as good as the others."""
    rounds: dict[str, Any] = {
        path: [
            {arm.name: ran(slow * (1.2 if arm.name == "all" else 1.0)) for arm in arms}
            for slow in (1.0, 2.0, 5.0)
        ]
        for path, arms in PATHS.items()
    }
    found = figures_of({**rounds, "off": {"off_us": 10.0, "off_calls": 28.0}})
    assert found["questions"]["all"]["change"] == pytest.approx(0.2)
    assert found["questions"]["all"]["us"] == pytest.approx(2400)
    assert found["ratings"]["off, no histograms"]["change"] == pytest.approx(0.0)
    assert found["off_share"] == pytest.approx(0.005)
    show(found)
    assert "+20.0%" in capsys.readouterr().out


async def test_a_round_has_every_way_once_and_counts_its_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing_arms, "WARM_UP", 1)
    monkeypatch.setattr(tracing_arms, "COUNTED", 2)
    async with collecting() as collector:
        found = await tracing_arms.measure(collector.url, (5, 300), 1, 60.0)
    [asked], [rated] = found["questions"], found["ratings"]
    assert set(asked) == {arm.name for arm in PATHS["questions"]}
    assert set(rated) == {arm.name for arm in PATHS["ratings"]}
    for each in [*asked.values(), *rated.values()]:
        assert (each["ms"] > 0, each["dropped"]) == (True, 0)
    assert asked["off"]["spans"] == rated["off"]["spans"] == 0
    assert asked["all"]["spans"] >= 7
    assert 0 < rated["all"]["spans"] < 0.5, "a rating has no span"
    assert found["off"]["off_calls"] > 7

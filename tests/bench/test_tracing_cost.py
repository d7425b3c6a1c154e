"""What traces cost is compared within a round; a run asks, is answered, and counts its spans."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.settings import load_settings
from bench import tracing_arms
from bench.tracing_cost import PATHS, figures_of, show
from tests.tracing.collector import collecting


def ran(ms: float, **facts: float) -> dict[str, float]:
    return {"ms": ms, "spans": 0.0, "dropped": 0, **facts}


def test_a_change_is_that_of_the_rounds_not_of_the_medians(capsys: Any) -> None:
    """A round in which the machine was twice as slow is as good as the others."""
    off = {"off_us": 10.0, "off_calls": 28.0}
    rounds = {
        path: [
            {arm.name: ran(slow * (1.2 if arm.name == "all" else 1.0), **off) for arm in arms}
            for slow in (1.0, 2.0, 5.0)
        ]
        for path, arms in PATHS.items()
    }
    found = figures_of(rounds)
    assert found["questions"]["all"]["change"] == pytest.approx(0.2)
    assert found["questions"]["all"]["us"] == pytest.approx(2400)
    assert found["ratings"]["off, no histograms"]["change"] == pytest.approx(0.0)
    assert found["off_share"] == pytest.approx(0.005)
    show(found)
    assert "+20.0%" in capsys.readouterr().out


@pytest.mark.parametrize("traced", [False, True])
async def test_a_run_counts_its_spans_and_what_off_is_asked(
    traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing_arms, "WARM_UP", 1)
    monkeypatch.setattr(tracing_arms, "COUNTED", 2)
    async with collecting() as collector:
        settings = load_settings(
            broker=f"memory://{uuid4().hex}",
            database="memory:",
            scorer="memory:",
            otel_endpoint=collector.url if traced else None,
        )
        found = await tracing_arms.questions(settings, 5)
    assert found["ms"] > 0
    assert found["dropped"] == 0
    assert found["spans"] * 6 == len(collector.spans)
    assert (found["spans"] >= 7, "off_us" in found) == (traced, not traced)

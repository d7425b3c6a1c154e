"""Readings that many ask for, and the figures made of them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import structlog
from aiohttp import web

from app.errors import StoreUnavailable
from app.web.dashboard.figures import percentile
from app.web.dashboard.kept import SHARE, Kept
from app.web.dashboard.overview import Overview
from app.web.dashboard.verdict import Level, Situation, findings
from app.web.dashboard.warm import Warm
from app.web.running import Running
from tests.flow.engine import make_ports, running

UP = {"status": "up", "detail": "fine"}


class Source:
    """Counts its readings; `answers` are values, or errors to raise."""

    def __init__(self, *answers: Any, seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.readings = 0

    async def read(self) -> Any:
        self.readings += 1
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def kept(source: Source, seconds: float = 60.0) -> Kept[Any]:
    return Kept(source.read, seconds, structlog.get_logger())


async def test_a_hundred_who_ask_at_once_cause_one_reading() -> None:
    source = Source(7, seconds=0.02)
    values = kept(source)
    found = await asyncio.gather(*(values.get() for _ in range(100)))
    assert {each.value for each in found} == {7}
    assert source.readings == 1


async def test_a_slow_check_is_not_believed_for_minutes() -> None:
    patient = Kept(Source(1).read, 5.0, structlog.get_logger())
    check = Kept(Source(1).read, 5.0, structlog.get_logger(), most_seconds=10.0)
    for took, often, seldom in ((0.01, 5.0, 5.0), (0.07, 7.0, 7.0), (3.3, 10.0, 330.0)):
        check.took = patient.took = took
        assert check.interval == pytest.approx(often)
        assert patient.interval == pytest.approx(seldom)


async def test_a_part_that_did_not_answer_in_time_is_asked_again_soon() -> None:
    async with running(make_ports()) as engine:
        overview = Overview(Running(engine.app.context))
        await overview.read()
        for check in (overview.health, overview._ready):
            check.took = 3.3
            assert check.interval <= 10.0
        await overview.close()


async def test_what_is_due_is_read_behind_the_back_of_who_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source(1, 2, seconds=0.05)
    monkeypatch.setattr("app.web.dashboard.kept.SHARE", 0.5)
    values = kept(source, 0.2)
    assert (await values.get()).value == 1
    await asyncio.sleep(values.interval + 0.01)
    started = time.monotonic()
    assert (await values.get()).value == 1, "at once, from before"
    assert time.monotonic() - started < 0.04
    await asyncio.sleep(0.1)
    assert (await values.get()).value == 2


async def test_a_reading_that_takes_long_comes_seldom() -> None:
    values = kept(Source(1, seconds=0.1), 0.01)
    await values.get()
    assert values.interval == pytest.approx(0.1 / SHARE, rel=0.5)


async def test_what_is_away_makes_the_value_old_and_nobody_wait() -> None:
    source = Source(5, StoreUnavailable("away"), StoreUnavailable("away"), 6)
    values = kept(source, 0.0)
    assert (await values.get()).value == 5
    await asyncio.sleep(0.01)
    await values.get()
    await asyncio.sleep(0.01)
    found = await values.get()
    assert (found.value, found.trouble) == (5, "away")
    while (await values.get()).trouble is not None:
        await asyncio.sleep(0.01)
    assert (await values.get()).value == 6


async def test_a_reading_that_hangs_is_waited_for_a_while_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.dashboard.kept.PATIENCE_SECONDS", 0.05)
    values = kept(Source(1, seconds=60))
    started = time.monotonic()
    assert (await values.get()).value is None
    assert time.monotonic() - started < 5
    await values.close()


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.95) == 95.0
    assert percentile([3.0], 0.95) == percentile([3.0], 0.5) == 3.0
    assert percentile([], 0.95) is None


def test_all_is_well_when_nothing_is_to_be_said() -> None:
    assert findings(Situation(None, {"broker": UP, "model": UP}, late_seconds=5)) == []


@pytest.mark.parametrize(
    ("situation", "level", "words"),
    [
        (Situation("the tables are being recovered", {}), Level.BAD, "takes no work"),
        (Situation(None, {"broker": {"status": "down", "detail": "gone"}}), Level.BAD, "gone"),
        (Situation(None, {"cache": {"status": "down", "detail": "gone"}}), Level.WARN, "cache"),
        (Situation(None, {}, pause_seconds=12), Level.WARN, "12 s"),
        (Situation(None, {}, late_seconds=99), Level.WARN, "late"),
        (Situation(None, {}, trouble="no answer"), Level.WARN, "no answer"),
    ],
)
def test_what_is_not_well_is_said(situation: Situation, level: Level, words: str) -> None:
    [found] = findings(situation)
    assert found.level is level
    assert words in found.text


def test_the_worst_comes_first_and_one_trouble_is_told_once() -> None:
    down = {"status": "down", "detail": "gone."}
    now = Situation(
        "broker: gone", {"cache": down, "database": down, "broker": down}, trouble="gone"
    )
    found = findings(now)
    assert [each.level for each in found] == [Level.BAD, Level.WARN, Level.WARN]
    assert found[0].text == "The broker is down (nothing is taken in and nothing moves): gone."


async def test_who_comes_after_a_while_gets_the_old_value_at_once() -> None:
    source = Source(1, 2, seconds=0.5)
    values = Kept(source.read, 0.0, structlog.get_logger(), old_at_once=True)
    await values.renewed()
    values.took = 0.0  # so that it is due, and older than three intervals
    started = time.monotonic()
    assert (await values.get()).value == 1
    assert time.monotonic() - started < 0.4
    await values.renewed()
    assert source.readings == 2, "a new one was under way, and no other was begun"
    assert (await values.get()).value == 2


async def test_readings_are_made_before_anybody_asks_once_they_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.dashboard.warm.LOOK_SECONDS", 0.01)
    source, ready = Source(1, 2), False
    values = kept(source)
    warm = Warm([values], lambda: ready)
    await warm.start(web.Application())
    await asyncio.sleep(0.1)
    assert source.readings == 0
    ready = True
    while values.age == float("inf"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert source.readings == 1, "the next one comes after a minute"
    assert (await values.get()).value == 1
    monkeypatch.setattr("app.web.dashboard.warm.LEAST_SECONDS", 0.0)
    monkeypatch.setattr("app.web.dashboard.warm.IDLE_SHARE", 1.0)
    while source.readings < 2:
        await asyncio.sleep(0.01)
    await warm.close()

"""The watchdog in a running app: what stands still is named, what waits for a reason is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agents.questions import ask
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.core import progress
from app.core.progress import Where
from app.errors import BrokerUnavailable
from app.service import looking
from app.web.health import not_ready
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore

STUCK_SECONDS = 1.0


def watched(ports: Any = None, **options: Any) -> Any:
    return running(ports or make_ports(), stuck_seconds=STUCK_SECONDS, **options)


async def poll_stuck(engine: Engine) -> str:
    """Return what the watchdog says once it is red."""

    async def red() -> str | None:
        return engine.context.stuck

    reason: str = await poll(red)
    return reason


async def stuck(engine: Engine) -> str:
    """Return what readiness says once the worker is stuck."""

    reason = await poll_stuck(engine)
    assert await not_ready(engine.context) == reason
    assert b"answerloop_stuck 0.0" not in engine.context.metrics.as_prometheus()
    return reason


async def stays_calm(engine: Engine, seconds: float = 4 * STUCK_SECONDS) -> None:
    """Look all the time: the watchdog must not fire."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        assert engine.context.stuck is None
        await asyncio.sleep(0.05)


def hang_at(monkeypatch: pytest.MonkeyPatch, text: str) -> asyncio.Event:
    """Let the handler of `ask` hang on one question until the event is set."""
    go_on, real = asyncio.Event(), ask._made_or_found

    async def hanging(context: Any, request: Any) -> Any:
        if request.question_text == text:
            await go_on.wait()
        return await real(context, request)

    monkeypatch.setattr(ask, "_made_or_found", hanging)
    return go_on


async def test_a_handler_that_hangs_is_named_with_partition_and_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = hang_at(monkeypatch, "hang?")
    async with watched() as engine:
        asked, victim = [question(f"Question {n}?") for n in range(20)], question("hang?")
        await engine.submit(victim, *asked)
        await engine.finals(*asked)
        reason = await stuck(engine)
        partition = engine.log.partition_for("llm-requests", victim.question_id.encode())
        assert f"llm-requests[{partition}] at ask: {progress.REASONS[Where.HELD]}" in reason
        go_on.set()
        await engine.final(victim.question_id)

        async def clear() -> bool:
            return engine.context.stuck is None

        await poll(clear)
        assert await not_ready(engine.context) is None


async def test_a_consumer_whose_fetch_stops_is_stuck() -> None:
    async with watched() as engine:
        first = question("Before?")
        await engine.submit(first)
        await engine.final(first.question_id)
        never = asyncio.Event()
        real = engine.app.consumer._fetch

        async def stopped(*args: Any) -> Any:
            await never.wait()
            return await real(*args)

        engine.app.consumer._fetch = stopped
        await engine.submit(question("After?"), question("And after?"))
        reason = await stuck(engine)
        assert progress.REASONS[Where.UNFETCHED] in reason
        assert "questions-pending[" in reason
        never.set()


async def test_a_worker_that_lost_its_place_in_the_group_is_stuck() -> None:
    async with watched() as engine:
        consumer = engine.app.consumer
        assigned, consumer._assigned = consumer._assigned, set()
        reason = await stuck(engine)
        assert progress.NO_PARTITIONS in reason
        consumer._assigned = assigned


async def test_an_assignment_without_an_end_is_stuck_and_a_long_recovery_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "ASSIGNMENT_SECONDS", STUCK_SECONDS)
    async with watched() as engine:
        offsets = engine.app.tables.recovery.active_offsets
        changelog = next(iter(offsets))
        engine.app.rebalancing = True
        for _ in range(50):  # 5 s, of which each brings another record
            await asyncio.sleep(0.1)
            offsets[changelog] = (offsets[changelog] or 0) + 1
            assert engine.context.stuck is None
        assert progress.REBALANCING in await poll_stuck(engine)
        engine.app.rebalancing = False


async def test_a_consumer_that_does_not_answer_is_stuck() -> None:
    async with watched() as engine:
        real = engine.app.consumer.ends

        async def silent() -> Any:
            raise RuntimeError("its thread is gone")

        engine.app.consumer.ends = silent
        assert progress.SILENT in await stuck(engine)
        engine.app.consumer.ends = real


async def test_work_that_is_never_committed_is_stuck() -> None:
    async with watched() as engine:

        async def refused(offsets: Any) -> bool:
            return False

        real, engine.app.consumer._commit = engine.app.consumer._commit, refused
        asked = question("Why?")
        await engine.submit(asked)
        await engine.final(asked.question_id)
        assert progress.UNCOMMITTED in await stuck(engine)
        engine.app.consumer._commit = real


async def test_with_the_broker_away_nothing_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = hang_at(monkeypatch, "hang?")
    async with watched() as engine:

        async def away() -> str:
            raise BrokerUnavailable("away")

        engine.app.ask_broker = away
        victim = question("hang?")
        await engine.submit(victim)
        await stays_calm(engine)
        go_on.set()
        await engine.final(victim.question_id)


async def test_with_the_database_away_nothing_is_stuck() -> None:
    store = FaultyStore()
    async with watched(make_ports(store=store)) as engine:
        store.down = True
        await engine.submit(*(question(f"Question {n}?", question_id=f"q{n}") for n in range(20)))
        await stays_calm(engine)
        store.down = False
        for n in range(20):
            await engine.final(f"q{n}")


async def test_with_the_scorer_away_nothing_is_stuck() -> None:
    scorer = OverlapScorer()
    scorer.available = False
    async with watched(make_ports(scorer=scorer)) as engine:
        asked = [question(f"Question {n}?") for n in range(20)]
        await engine.submit(*asked)
        await stays_calm(engine)
        scorer.available = True
        await engine.finals(*asked)


async def test_a_queue_behind_slow_calls_is_not_stuck() -> None:
    """More questions than call slots, each call longer than the watchdog's patience."""
    model = ScriptedModel(lambda prompt: "An answer", seconds=1.5 * STUCK_SECONDS)
    limits = replace(LIMITS, concurrency=2)
    async with watched(make_ports(model=model), limits=limits) as engine:
        asked = [question(f"Question {n}?") for n in range(8)]
        await engine.submit(*asked)
        await stays_calm(engine, 6 * STUCK_SECONDS)
        await engine.finals(*asked)
        await engine.idle()
        await stays_calm(engine, 2 * STUCK_SECONDS)


async def test_rebalances_are_not_stuck() -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.3)
    async with watched(make_ports(model=model)) as engine:
        asked = [question(f"Question {n}?") for n in range(40)]
        await engine.submit(*asked)
        for _ in range(4):
            await stays_calm(engine, 0.7)
            await engine.app.consumer.rebalance()
        await engine.finals(*asked)
        assert engine.context.stuck is None


async def test_zero_seconds_switch_the_watchdog_off(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = hang_at(monkeypatch, "hang?")
    async with running(make_ports(), stuck_seconds=0.0) as engine:
        victim = question("hang?")
        await engine.submit(victim)
        await stays_calm(engine, 2.0)
        go_on.set()
        await engine.final(victim.question_id)

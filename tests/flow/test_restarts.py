"""A worker that stops and another that goes on, on the same log and the same store."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from agents.questions import timers
from agents.waits import Draining
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.retry import RetryPolicy
from app.errors import llm_failed
from app.ports import Claim, ClaimRequest, Ports
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)


def with_model(ports: Ports, model: ScriptedModel) -> Ports:
    return replace(ports, model=model)


async def test_waits_keep_their_due_times(log: str) -> None:
    limits = replace(LIMITS, policy=RetryPolicy(overload_base_seconds=2.0, jitter=0.2))
    model = ScriptedModel(lambda prompt: "An answer")
    ports = make_ports(model=model)
    asked = [question(f"Question {n}?") for n in range(10)]
    for each in asked:
        model.script(each.question_text, OVERLOADED)
    async with running(ports, name=log, limits=limits) as engine:
        await engine.submit(*asked)
        waiting = [await engine.in_state(each.question_id, "waiting") for each in asked]
        await engine.idle()
    due = {row.question_text: row.due_at for row in waiting}
    async with running(ports, name=log, limits=limits) as engine:
        rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(model.calls) == 20
    for text, due_at in due.items():
        _, again = model.calls_of(text)
        assert due_at <= again.at <= due_at + 3.0


async def test_a_timer_that_a_drain_interrupts_is_no_error(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = 0

    async def interrupted(*_: object) -> None:
        nonlocal ticks
        ticks += 1
        raise Draining

    monkeypatch.setattr(timers, "announce_due", interrupted)
    async with running(make_ports(), name=log) as engine:

        async def several() -> bool:
            return ticks >= 4

        await poll(several)
        assert engine.context.metrics.total("stage_errors") == 0


async def test_waits_that_ended_while_nobody_ran_are_released_at_once(log: str) -> None:
    limits = replace(LIMITS, policy=RetryPolicy(overload_base_seconds=0.5, jitter=0.0))
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [OVERLOADED]})
    ports = make_ports(model=model)
    asked = question("Why?")
    async with running(ports, name=log, limits=limits) as engine:
        await engine.submit(asked)
        row = await engine.in_state(asked.question_id, "waiting")
    stopped = len(model.calls)

    async def over() -> bool:
        return time.time() > row.due_at

    await poll(over)
    async with running(ports, name=log, limits=limits) as engine:
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
    assert (stopped, len(model.calls)) == (1, 2)


async def test_an_answer_that_arrived_is_never_asked_for_again(log: str) -> None:
    scorer = OverlapScorer()
    scorer.available = False
    ports = make_ports(scorer=scorer)
    asked = [question(f"Question {n}?") for n in range(10)]
    async with running(ports, name=log) as engine:
        await engine.submit(*asked)
        for each in asked:
            await engine.in_state(each.question_id, "judging")
    scorer.available = True
    async with running(ports, name=log) as engine:
        rows = await engine.finals(*asked)
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(ports.model.calls) == 10


async def test_a_call_in_flight_at_the_stop_is_given_back_and_asked_once_more(log: str) -> None:
    slow = ScriptedModel(seconds=60.0)
    ports = make_ports(model=slow)
    asked = [question(f"Question {n}?") for n in range(4)]

    async def in_flight() -> bool:
        return slow.in_flight == 4

    async with running(ports, name=log) as engine:
        await engine.submit(*asked)
        await poll(in_flight)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 5, "a stop takes the grace, not the call"
    assert slow.in_flight == 0
    quick = ScriptedModel(lambda prompt: "An answer")
    async with running(with_model(ports, quick), name=log) as engine:
        started = time.monotonic()
        rows = await engine.finals(*asked)
        assert time.monotonic() - started < 10, "the claims did not have to run out"
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert (len(slow.calls), len(quick.calls)) == (4, 4)


async def test_a_call_that_ends_within_the_grace_is_not_made_again(log: str) -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.4)
    ports = make_ports(model=model)
    asked = question("Why?")

    async def in_flight() -> bool:
        return model.in_flight == 1

    limits = replace(LIMITS, stop_grace_seconds=5.0)
    async with running(ports, name=log, limits=limits) as engine:
        await engine.submit(asked)
        await poll(in_flight)
    async with running(ports, name=log) as engine:
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
    assert len(model.calls) == 1


async def test_a_call_that_a_rebalance_detached_gets_its_time_in_a_stop(log: str) -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=1.0)
    ports = make_ports(model=model)
    asked = question("Why?")

    async def in_flight() -> bool:
        return model.in_flight == 1

    limits = replace(LIMITS, drain_grace_seconds=0.05, stop_grace_seconds=10.0)
    async with running(ports, name=log, limits=limits) as engine:
        await engine.submit(asked)
        await poll(in_flight)
        await engine.app.consumer.rebalance()
        assert len(engine.context.detached) == 1
    async with running(ports, name=log) as engine:
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
    assert len(model.calls) == 1


async def test_no_call_begins_once_a_worker_stops(log: str) -> None:
    class SlowToClaim(MemoryStore):
        claiming = False

        async def claim(self, request: ClaimRequest) -> Claim:
            self.claiming = True
            await asyncio.sleep(0.2)
            return await super().claim(request)

    model, store = ScriptedModel(lambda prompt: "An answer", seconds=1.0), SlowToClaim()
    ports = make_ports(model=model, store=store)
    asked = question("Why?")

    async def claiming() -> bool:
        return store.claiming

    async with running(ports, name=log) as engine:
        await engine.submit(asked)
        await poll(claiming)
    assert model.calls == []
    async with running(ports, name=log) as engine:
        assert (await engine.final(asked.question_id, 5)).status is Status.VALIDATED
    assert len(model.calls) == 1


async def test_stopping_in_the_middle_of_everything_loses_nothing(log: str) -> None:
    """Five stops at different moments of a batch: every question ends once, calls are bounded."""
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.02)
    ports = make_ports(model=model)
    asked = [question(f"Question {n}?") for n in range(120)]
    for each in asked[::3]:
        model.script(each.question_text, OVERLOADED)
    for each in asked[1::3]:
        model.script(each.question_text, "wrong")
    for stop in range(5):
        async with running(ports, name=log) as engine:
            if stop == 0:
                await engine.submit(*asked)
            goal = (stop + 1) * 25

            async def reached(goal: int = goal) -> bool:
                return len(model.calls) >= goal

            await poll(reached)
    async with running(ports, name=log) as engine:
        rows = await engine.finals(*asked)
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(model.calls) == 200
    assert await ports.store.counts() == {Status.VALIDATED: 120}


@pytest.mark.parametrize("away", ["database", "scorer"])
async def test_a_stop_is_quick_while_something_is_away(log: str, away: str) -> None:
    store, scorer = FaultyStore(), OverlapScorer()
    ports = make_ports(store=store, scorer=scorer)
    async with running(ports, name=log) as engine:
        store.down, scorer.available = away == "database", away != "scorer"
        asked = [question(f"Question {n}?") for n in range(10)]
        await engine.submit(*asked)

        async def waited_for() -> bool:
            return bool(store.refused or scorer.calls)

        await poll(waited_for)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 8
    store.down, scorer.available = False, True
    async with running(ports, name=log) as engine:
        rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(ports.model.calls) == 10

"""Answers that arrive while the database is away: kept, so that no call is made again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.core.lifecycle import Status
from app.ports import Claim, ClaimRequest
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore


class TestAnswersOutliveAStopWithoutTheDatabase:
    """The store goes away while calls are in flight, and comes back after the stop."""

    async def asked_and_in_flight(self, engine: Engine, model: Any, calls: int) -> list[Any]:
        asked = [question(f"Question {n}?") for n in range(calls)]
        await engine.submit(*asked)

        async def in_flight() -> bool:
            return bool(model.in_flight == calls)

        await poll(in_flight)
        return asked

    async def test_a_call_that_ends_in_the_stop_is_not_made_again(self, log: str) -> None:
        model, store = ScriptedModel(lambda prompt: "An answer", seconds=0.5), FaultyStore()
        ports = make_ports(model=model, store=store)
        limits = replace(LIMITS, stop_grace_seconds=5.0)
        async with running(ports, name=log, limits=limits) as engine:
            asked = await self.asked_and_in_flight(engine, model, 8)
            store.down = True
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 5
        assert engine.unacknowledged(engine.names.llm_requests) == 0
        store.down = False
        async with running(ports, name=log) as engine:
            rows = await engine.finals(*asked)
            await engine.idle()
        assert {row.status for row in rows} == {Status.VALIDATED}
        assert {row.attempts[0].answer for row in rows} == {"An answer"}, "the ledger was filled"
        assert len(model.calls) == 8

    async def test_nor_one_that_a_rebalance_had_detached(self, log: str) -> None:
        model, store = ScriptedModel(lambda prompt: "An answer", seconds=1.0), FaultyStore()
        ports = make_ports(model=model, store=store)
        limits = replace(LIMITS, drain_grace_seconds=0.05, stop_grace_seconds=5.0)
        async with running(ports, name=log, limits=limits) as engine:
            asked = await self.asked_and_in_flight(engine, model, 8)
            await engine.app.consumer.rebalance()
            assert len(engine.context.detached) == 8
            store.down = True
        store.down = False
        async with running(ports, name=log) as engine:
            rows = await engine.finals(*asked)
            await engine.idle()
        assert {row.status for row in rows} == {Status.VALIDATED}
        assert len(model.calls) == 8

    async def test_while_the_worker_runs_they_wait_on_the_log_for_the_database(self) -> None:
        model, store = ScriptedModel(lambda prompt: "An answer", seconds=0.3), FaultyStore()
        ports = make_ports(model=model, store=store)
        async with running(ports) as engine:
            asked = await self.asked_and_in_flight(engine, model, 8)
            store.down = True

            async def on_the_log() -> bool:
                return len(engine.records(engine.names.llm_responses_success)) == 8

            await poll(on_the_log)
            answers = engine.records(engine.names.llm_responses_success)
            assert not any(answer.in_ledger for answer in answers)
            store.down = False
            rows = await engine.finals(*asked)
            await engine.idle()
            assert await store.inner.renew(engine.context.owner, 1.0, time.time()) == 0
        assert {row.status for row in rows} == {Status.VALIDATED}
        assert len(model.calls) == 8

    async def test_an_answer_that_came_second_gives_way_to_the_one_in_the_ledger(self) -> None:
        ports = make_ports()
        async with running(ports) as engine:
            asked = question("Why?")
            await engine.submit(asked)
            first = await engine.final(asked.question_id)
            [answer] = engine.records(engine.names.llm_responses_success)
            late = answer.derive(answer="Another answer", in_ledger=False)
            await engine.send(engine.names.llm_responses_success, late)
            await engine.idle()
            assert await engine.final(asked.question_id) == first
            assert engine.context.metrics.total("repeats_dropped") == 1


class StoreThatTellsWhen(FaultyStore):
    """Notes when claims were tried while it was there."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[float] = []

    async def claim(self, request: ClaimRequest) -> Claim:
        if not self.away:
            self.claims.append(time.monotonic())
        claim: Claim = await self.__getattr__("claim")(request)
        return claim


async def test_after_a_long_outage_of_the_database_owners_may_renew_their_claims_first() -> None:
    """A lease that ran out in the outage is no reason to make the call once more."""
    model, store = ScriptedModel(lambda prompt: "An answer", seconds=4.0), StoreThatTellsWhen()
    limits = replace(LIMITS, lease_seconds=1.0, settle_seconds=1.0, drain_grace_seconds=0.05)
    async with running(make_ports(model=model, store=store), limits=limits) as engine:
        asked = question("Why?")
        await engine.submit(asked)

        async def in_flight() -> bool:
            return model.in_flight == 1

        await poll(in_flight)
        store.down = True
        await engine.app.consumer.rebalance()
        await asyncio.sleep(1.5)
        store.down, back = False, time.monotonic()
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
    _, second, *_ = store.claims
    assert second >= back + limits.settle_seconds - 0.5
    assert len(model.calls) == 1

"""An overloaded or absent model server, on the whole pipeline: nothing is lost, nobody held up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.breaker import BreakerPolicy, BreakerState
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.strategies import Prompt
from app.errors import llm_failed
from app.ports import Claim, ClaimRequest, ModelAnswer
from app.transports import close_storage
from models.questions import LlmRequest
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore

BUSY = llm_failed(CAUSES["overloaded"], "busy", status=503)
TIMED_OUT = llm_failed(CAUSES["timeout"], "no answer within 120 s")
OPENS_SOON = replace(LIMITS, breaker=BreakerPolicy(min_calls=4, probe_seconds=0.2))


class Switched(ScriptedModel):
    """Fails every call with `failure` while that is set."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(lambda prompt: "An answer", seconds=seconds)
        self.failure: Exception | None = None
        self.bad: str | None = None

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        answer = await super().answer(prompt)
        if self.bad is not None and self.bad in prompt.user:
            raise BUSY
        if self.failure is not None:
            raise self.failure
        return answer


@pytest.fixture
def log() -> Iterator[str]:
    """A memory log that outlives its engines."""
    name = uuid4().hex
    yield name
    close_storage(f"memory://{name}")


async def opened(engine: Engine) -> None:
    async def is_open() -> bool:
        return engine.context.turnstile.state is not BreakerState.CLOSED

    await poll(is_open)


async def test_while_the_breaker_is_open_questions_wait_without_claim_or_attempt() -> None:
    model = Switched()
    model.failure = BUSY
    ports = make_ports(model=model)
    async with running(ports, limits=OPENS_SOON) as engine:
        asked = [question(f"Question {n}?") for n in range(40)]
        await engine.submit(*asked)
        await opened(engine)

        async def probed() -> bool:
            return engine.context.metrics.total("breaker_probes") >= 3

        await poll(probed)
        assert engine.unacknowledged(engine.names.llm_requests) > 0
        assert await ports.store.renew(engine.context.owner, 1.0, time.time()) <= 1
        model.failure = None
        rows = await engine.finals(*asked)
        metrics = engine.context.metrics
        assert metrics.total("breaker_opened") == 1
        assert metrics.as_json()["breaker_state"] == 0
        probes = metrics.total("breaker_probes")
    assert {row.status for row in rows} == {Status.VALIDATED}
    burnt = sum(len(row.attempts) - 1 for row in rows)
    assert burnt <= 4 + LIMITS.concurrency, "what was in flight before it opened"
    assert len(model.calls) == len(asked) + burnt + probes - 1


async def test_one_bad_question_cannot_keep_the_breaker_open() -> None:
    model = Switched()
    model.failure = BUSY
    async with running(make_ports(model=model), limits=OPENS_SOON) as engine:
        bad, asked = question("BAD?"), [question(f"Question {n}?") for n in range(20)]
        await engine.submit(bad, *asked)
        await opened(engine)
        model.bad, model.failure = "BAD", None
        rows = await engine.finals(*asked)
        dead = await engine.final(bad.question_id)
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert (dead.status, dead.cause) == (Status.DEAD, "overload_retries_exhausted")


async def test_probes_that_time_out_are_ordinary_attempts() -> None:
    """The question may be why: it gets no endless row of free tries."""
    model = Switched()
    model.failure = TIMED_OUT
    limits = replace(LIMITS, breaker=BreakerPolicy(min_calls=4, probe_seconds=0.05))
    async with running(make_ports(model=model), limits=limits) as engine:
        asked = [question(f"Question {n}?") for n in range(3)]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        assert engine.context.metrics.total("breaker_probes") > 0
        assert engine.context.metrics.total("model_timeouts") == len(model.calls)
    assert {row.cause for row in rows} == {"overload_retries_exhausted"}
    assert {len(row.attempts) for row in rows} == {6}
    assert len(model.calls) == 18


async def test_the_deadline_comes_at_the_closed_gate_too() -> None:
    model = Switched()
    model.failure = BUSY
    limits = replace(LIMITS, breaker=BreakerPolicy(min_calls=4, probe_seconds=60.0))
    async with running(make_ports(model=model), limits=limits) as engine:
        asked = [question(f"Question {n}?", deadline_seconds=2.0) for n in range(12)]
        started = time.monotonic()
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        assert time.monotonic() - started < 15
    assert {row.cause for row in rows} == {"deadline"}


@pytest.mark.parametrize("what", ["rebalance", "stop"])
async def test_an_open_breaker_holds_up_neither_rebalance_nor_stop(log: str, what: str) -> None:
    model = Switched()
    model.failure = BUSY
    ports = make_ports(model=model)
    limits = replace(LIMITS, breaker=BreakerPolicy(min_calls=4, probe_seconds=1.0))
    asked = [question(f"Question {n}?") for n in range(30)]
    async with running(ports, name=log, limits=limits) as engine:
        await engine.submit(*asked)
        await opened(engine)
        began = time.monotonic()
        if what == "rebalance":
            await engine.app.consumer.rebalance()
            assert time.monotonic() - began < 2
            model.failure = None
            await engine.finals(*asked)
    assert what == "rebalance" or time.monotonic() - began < 2
    model.failure = None
    async with running(ports, name=log, limits=limits) as engine:
        rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.VALIDATED}


async def test_a_rate_limit_stops_all_calls_for_its_time() -> None:
    limited = llm_failed(CAUSES["rate_limited"], "slow down", status=429, retry_after_seconds=2.0)
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.05)
    async with running(make_ports(model=model), limits=replace(LIMITS, concurrency=2)) as engine:
        asked = [question(f"Question {n}?") for n in range(30)]
        model.script(asked[0].question_text, limited)
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        assert engine.context.metrics.total("rate_limit_pauses") == 1
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(model.calls) == 31
    first = model.calls_of(asked[0].question_text)[0].at
    in_pause = [call for call in model.calls if first + 0.1 < call.at < first + 2.05]
    assert in_pause == []


async def test_a_low_limit_serves_all_partitions_alike() -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.01)
    async with running(make_ports(model=model)) as engine:
        engine.context.turnstile.limiter.on_recovery(time.monotonic())
        engine.context.turnstile.limiter._too_many = 2  # it stays at one call at a time
        engine.context.turnstile.limiter._remembered_until = float("inf")
        asked = [question(f"Question {n}?") for n in range(200)]
        await engine.submit(*asked)
        await engine.finals(*asked)
        topic = engine.names.llm_requests
        partition = {
            each.question_text: engine.log.partition_for(topic, each.question_id.encode())
            for each in asked
        }
    assert model.most_in_flight == 1
    served = Counter(partition[call.prompt.user] for call in model.calls[:100])
    waiting = Counter(partition.values())
    assert set(served) == set(waiting)
    assert all(served[p] >= 0.25 * waiting[p] for p in waiting), (served, waiting)


@pytest.mark.parametrize("forged", [{"generation": 4}, {"attempt": 12}, {"generation": 10_000}])
async def test_t6_a_forged_request_beyond_the_limits_becomes_no_call(
    forged: dict[str, int],
) -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("Again and again?")
        request = LlmRequest(**{**asked.carried(), **forged})
        await engine.send(engine.names.llm_requests, request)
        row = await engine.final(asked.question_id)
        await engine.idle()
    assert (row.status, row.cause) == (Status.DEAD, "anti_cycle")
    assert ports.model.calls == []


async def test_the_last_attempt_that_the_retries_allow_is_no_forgery() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("The last time?")
        last = LlmRequest(**{**asked.carried(), "generation": 3, "attempt": 11})
        await engine.send(engine.names.llm_requests, last)
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED


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

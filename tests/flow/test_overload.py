"""An overloaded or absent model server, on the whole pipeline: nothing is lost, nobody held up."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.breaker import BreakerPolicy, BreakerState
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.strategies import Prompt
from app.errors import llm_failed
from app.ports import ModelAnswer
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question, running

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

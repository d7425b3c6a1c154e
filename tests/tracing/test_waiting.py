"""What waits keeps its trace: over a restart of the worker, and what waited before has none."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.retry import RetryPolicy
from app.errors import llm_failed
from app.tracing import Carrier, carrier_of
from app.transports import close_storage
from tables.retries import HeldCall
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.tracing.collector import collecting

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


async def test_a_wait_outlives_its_worker_with_its_trace() -> None:
    """The changelog brings the context back; the second worker releases the wait into it."""
    name, model = uuid4().hex, ScriptedModel(script={"Why?": [OVERLOADED, "An answer"]})
    ports, sent = make_ports(model=model), question("Why?")
    slow = replace(LIMITS, policy=RetryPolicy(overload_base_seconds=3600, jitter=0.0))
    try:
        async with collecting() as collector:
            async with running(ports, name=name, limits=slow, otel_endpoint=collector.url) as first:
                await first.submit(sent)
                await first.in_state(sent.question_id, "waiting")
                await first.idle()
            async with running(ports, name=name, otel_endpoint=collector.url) as second:
                table = second.app.tables["retries"]

                async def back() -> bool:
                    return sent.question_id in table

                await poll(back)
                await second.send(second.names.retries_due, _due_now(table[sent.question_id], sent))
                await second.final(sent.question_id)
                await second.idle()
    finally:
        close_storage(f"memory://{name}")
    assert len({span.trace_id for span in collector.spans}) == 1
    [wait], [hold] = collector.named("wait"), collector.named("hold")
    failed, answered = collector.named("ask")
    assert wait.parent_id == hold.span_id
    assert answered.parent_id == wait.span_id
    assert wait.facts["answerloop.released_early"] is True
    assert wait.began_at < wait.ended_at
    assert failed.resource["service.instance.id"] != answered.resource["service.instance.id"]


def _due_now(stored: bytes, sent: object) -> object:
    from models.questions import RetryDue

    held = msgspec.json.decode(stored, type=HeldCall)
    assert held.due_at is not None
    return RetryDue(
        question_id=sent.question_id,  # type: ignore[attr-defined]
        round=held.round,
        generation=held.generation,
        attempt=held.attempt,
        due_at=held.due_at,
        early=True,
    )


def test_values_of_before_traces_are_read_and_new_ones_too() -> None:
    old = (
        b'{"round":0,"generation":1,"attempt":1,"kind":"overload","partition":3,"overloads":1,'
        b'"quotas":0,"failed_at":5.0,"due_at":6.0,"settled_at":null,"request":"{}"}'
    )
    read = msgspec.json.decode(old, type=HeldCall)
    assert (read.overloads, read.due_at, read.carrier) == (1, 6.0, None)
    carrier = Carrier("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "v=1")
    new = msgspec.structs.replace(
        read, traceparent=carrier.traceparent, tracestate=carrier.tracestate
    )
    assert msgspec.json.decode(msgspec.json.encode(new), type=HeldCall).carrier == carrier


async def test_questions_of_one_chunk_have_a_trace_each() -> None:
    asked = [question(f"Why {n}?") for n in range(40)]
    async with (
        collecting() as collector,
        running(make_ports(), otel_endpoint=collector.url, partitions=1) as engine,
    ):
        await engine.submit(*asked)
        await engine.finals(*asked)
        await engine.idle()
        requests = engine.messages(engine.names.llm_requests)
        traces = {raw.key: carrier_of(raw.headers) for raw in requests}
    assert len({each.trace_id for each in traces.values() if each}) == len(asked)
    for span in collector.spans:
        mine = traces[span.facts["answerloop.question_id"].encode()]
        assert mine is not None
        assert span.trace_id == mine.trace_id
    assert len(collector.named("persist")) == len(asked)


async def test_without_a_collector_no_message_has_a_header() -> None:
    sent = question("Why?")
    async with running(make_ports()) as engine:
        await engine.submit(sent)
        await engine.final(sent.question_id)
        await engine.idle()
        assert not engine.context.tracing.on
        for topic in engine.names:
            assert not any(raw.headers for raw in engine.messages(topic))

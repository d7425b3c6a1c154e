"""What comes back from the database: a round has one trace, and the next round is linked to it."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.memory import MemoryStore
from app.core.failures import CAUSES
from app.core.lifecycle import Turn
from app.errors import llm_failed
from app.letters.sender import own_tracing
from app.ports import Accepted
from app.settings import load_settings
from app.tracing import carrier_of, carrier_of_text
from app.tracing.port import Resumed
from app.transports import close_storage
from tests.flow.engine import Engine, make_ports, question, running
from tests.flow.test_sweep import PROMPT, sweeping, vanished
from tests.tracing.collector import Collector, collecting
from tests.web.client import client_of

QUESTION = {"question_text": "¿Por qué?", "original_answer": "Porque sí"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
REFUSED = llm_failed(CAUSES["unauthorized"], "no such key", status=401)


@pytest.fixture(autouse=True)
def _only_what_the_caller_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trace is recorded but by the word of a parent, or of what it is linked to."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.0")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


def mended_model() -> ScriptedModel:
    return ScriptedModel(script={QUESTION["question_text"]: [REFUSED, "Porque sí"]})


async def asked(client: Any, **headers: str) -> dict[str, Any]:
    async with client.post("/query?wait=60", json=QUESTION, headers=headers) as response:
        assert response.status == 200
        return dict(await response.json())


async def redriven(client: Any) -> None:
    body = {"filter": {"cause": ["unauthorized"]}, "dry_run": False}
    async with client.post("/dead-letters/redrive", json=body) as response:
        assert (await response.json())["sent"] == 1


def traces_of(engine: Engine, topic: str) -> list[str | None]:
    found = [carrier_of(raw.headers) for raw in engine.messages(topic)]
    return [each.trace_id if each else None for each in found]


def of_trace(collector: Collector, trace_id: str) -> dict[str, Any]:
    return {span.name: span for span in collector.spans if span.trace_id == trace_id}


async def test_a_redriven_letter_begins_a_trace_that_is_linked_to_where_it_died() -> None:
    async with (
        collecting() as collector,
        running(make_ports(model=mended_model()), otel_endpoint=collector.url) as engine,
        client_of(engine) as client,
    ):
        dead = await asked(client, **CALLER)
        assert dead["status"] == "dead"
        await engine.idle()
        await redriven(client)
        row = await engine.in_state(dead["question_id"], "validated")
        await engine.idle()
        first, second = traces_of(engine, engine.names.questions_pending)
    kept = carrier_of_text(row.trace_context)
    assert kept is not None
    before, after = of_trace(collector, TRACE), of_trace(collector, str(second))
    assert (first, kept.trace_id) == (TRACE, second)
    assert len({span.trace_id for span in collector.spans}) == 2

    redrive = after["redrive"]
    assert redrive.links == ((TRACE, before["route"].span_id),)
    assert redrive.parent_id == ""
    assert kept.traceparent[36:52] == redrive.span_id
    assert kept.tracestate is None, "what vendors add is of the other trace"
    assert after["admit"].parent_id == redrive.span_id
    assert after["persist"].facts["answerloop.status"] == "validated"
    assert {
        name: redrive.facts[f"answerloop.{name}"] for name in ("round", "cause", "outcome")
    } == {"round": 1, "cause": "unauthorized", "outcome": "sent"}


async def test_a_dead_question_that_is_asked_again_is_linked_to_its_first_round() -> None:
    async with (
        collecting() as collector,
        running(make_ports(model=mended_model()), otel_endpoint=collector.url) as engine,
        client_of(engine) as client,
    ):
        assert (await asked(client, **CALLER))["status"] == "dead"
        assert (await asked(client))["status"] == "validated"
    first, second = collector.named("intake")
    [(trace_id, span_id)] = second.links
    # Whoever stored the question first: with `wait` that is `admit`.
    accepted_by = {span.span_id for span in (first, collector.named("admit")[0])}
    assert (first.links, trace_id, span_id in accepted_by) == ((), TRACE, True)
    assert second.trace_id != TRACE


async def test_a_letter_from_before_traces_is_redriven_into_a_trace_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    name, ports = uuid4().hex, make_ports(model=mended_model())
    try:
        async with running(ports, name=name) as old:
            died = question(QUESTION["question_text"], QUESTION["original_answer"])
            await old.submit(died)
            await old.final(died.question_id)
            await old.idle()
        [letter] = await ports.store.dead_letters()
        assert letter.trace_context is None
        async with (
            collecting() as collector,
            running(ports, name=name, otel_endpoint=collector.url) as engine,
            client_of(engine) as client,
        ):
            await redriven(client)
            await engine.in_state(died.question_id, "validated")
            await engine.idle()
    finally:
        close_storage(f"memory://{name}")
    [redrive] = collector.named("redrive")
    assert (redrive.links, redrive.parent_id) == ((), "")
    assert {span.trace_id for span in collector.spans} == {redrive.trace_id}


async def test_a_redrive_by_a_command_without_an_engine_is_traced_to_its_end() -> None:
    async with collecting() as collector:
        settings = load_settings(otel_endpoint=collector.url)
        async with own_tracing(settings) as tracing:
            with tracing.redrive([Resumed("t/0/1", {}, carrier_of(CALLER))]):
                sent = carrier_of(tracing.headers("t/0/1"))
    [redrive] = collector.named("redrive")
    assert sent is not None
    assert (redrive.trace_id, redrive.span_id) == (sent.trace_id, sent.traceparent[36:52])
    assert redrive.links == ((TRACE, SPAN),)


async def test_a_question_that_the_sweep_finds_goes_on_in_its_trace() -> None:
    store = MemoryStore()
    await store.accept(
        [
            Accepted(
                "q",
                "Why?",
                None,
                "scripted",
                Turn(0, 1, 1),
                time.time() - 10,
                trace_context=f"{CALLER['traceparent']} {CALLER['tracestate']}",
            )
        ]
    )
    await vanished(store, deadline_at=time.time() - 1)
    async with (
        collecting() as collector,
        running(
            make_ports(store=store), limits=sweeping(PROMPT), otel_endpoint=collector.url
        ) as engine,
    ):
        await engine.final("q")
        await engine.idle()
        [letter] = engine.messages(engine.names.dead_letters)
    sweep, persist = collector.named("sweep")[0], collector.named("persist")[0]
    assert (sweep.trace_id, sweep.parent_id) == (TRACE, SPAN)
    assert persist.trace_id == TRACE
    carried = carrier_of(letter.headers)
    assert carried is not None
    assert carried.tracestate == "vendor=1"

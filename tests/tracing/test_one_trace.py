"""A question has one trace, whatever happens to it: through each message, wait and generation."""

from __future__ import annotations

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.cli.trace import print_journey
from app.core.failures import CAUSES
from app.errors import llm_failed
from app.inspection.journey import trace
from app.inspection.log_reader import LogReader
from app.settings import load_settings
from app.tracing import carrier_of
from tests.flow.engine import make_ports, running
from tests.tracing.collector import Collector, Span, collecting
from tests.web.client import client_of

QUESTION = "¿En qué año cayó el muro de Berlín?"
REFERENCE = "El muro de Berlín cayó en el año 1989."
WEAK = "En 1989."
OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


def above(collector: Collector, span: Span) -> Span:
    [found] = [each for each in collector.spans if each.span_id == span.parent_id]
    return found


async def test_a_retry_and_a_weak_answer_are_in_one_trace_with_the_right_parents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = ScriptedModel(script={QUESTION: [OVERLOADED, WEAK, REFERENCE]})
    async with (
        collecting() as collector,
        running(make_ports(model=model), otel_endpoint=collector.url) as engine,
        client_of(engine) as client,
    ):
        body = {"question_text": QUESTION, "original_answer": REFERENCE}
        headers = {"traceparent": CALLER, "tracestate": "vendor=1"}
        async with client.post("/query?wait=60", json=body, headers=headers) as response:
            answered = await response.json()
            assert (response.status, answered["status"]) == (200, "validated")
        await engine.idle()
        headers_of = {
            topic: [carrier_of(raw.headers) for raw in engine.messages(topic)]
            for topic in engine.names
        }
        reader = LogReader(engine.log, "memory")
        found = await trace(load_settings(), answered["question_id"], reader, engine.ports.store)
    assert found.as_json()["trace_ids"] == [CALLER[3:35]]
    print_journey(found)
    assert f"trace  {CALLER[3:35]}\n" in capsys.readouterr().out

    used = {topic for topic, found in headers_of.items() if found}
    assert used == set(engine.names) - {engine.names.errors_quota, engine.names.dead_letters}
    carried = [each for found in headers_of.values() for each in found]
    assert {(each.trace_id, each.tracestate) for each in carried if each} == {
        (CALLER[3:35], "vendor=1")
    }
    assert None not in carried, "every message of every topic carries the trace"

    assert {span.trace_id for span in collector.spans} == {CALLER[3:35]}
    names = [span.name for span in sorted(collector.spans, key=lambda each: each.began_at)]
    assert {name: names.count(name) for name in set(names)} == {
        "intake": 1,
        "admit": 2,
        "ask": 3,
        "chat scripted": 3,
        "route": 1,
        "hold": 1,
        "wait": 1,
        "judge": 2,
        "score": 2,
        "persist": 1,
    }

    def chain(last: Span) -> list[str]:
        found = [last.name]
        while last.parent_id != CALLER[36:52]:
            last = above(collector, last)
            found.append(last.name)
        return found[::-1]

    first = ["intake", "admit", "ask"]
    retried = [*first, "route", "hold", "wait", "ask"]
    again = [*retried, "judge", "admit", "ask"]
    assert chain(collector.named("persist")[0]) == [*again, "judge", "persist"]
    assert [chain(each) for each in collector.named("chat scripted")] == [
        [*first, "chat scripted"],
        [*retried, "chat scripted"],
        [*again, "chat scripted"],
    ]
    assert [chain(each)[-2:] for each in collector.named("score")] == [["judge", "score"]] * 2

    failed, weak, good = collector.named("chat scripted")
    assert failed.error
    assert failed.facts["error.type"] == "overloaded"
    assert failed.facts["http.response.status_code"] == 503
    assert [weak.error, good.error] == [False, False]
    assert good.facts["gen_ai.operation.name"] == "chat"
    assert good.facts["gen_ai.request.model"] == "scripted"
    assert [each.facts["answerloop.generation"] for each in (failed, weak, good)] == [1, 1, 2]

    wait = collector.named("wait")[0]
    assert wait.facts["answerloop.retry_kind"] == "overload"
    assert wait.facts["answerloop.due_at"] <= wait.ended_at
    assert wait.began_at < wait.facts["answerloop.due_at"]
    verdicts = [each.facts["answerloop.verdict"] for each in collector.named("judge")]
    assert verdicts == ["low_quality", "validated"]
    assert collector.named("persist")[0].facts["answerloop.status"] == "validated"
    for span in collector.spans:
        assert span.facts["answerloop.question_id"] == answered["question_id"]
        assert span.resource["service.name"] == "answerloop"
        assert WEAK not in str(span.facts)
        assert REFERENCE not in str(span.facts)

"""Ratings have spans by chunk, save and turn, with counts; never one for each rating."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.tracing import carrier_of
from app.tracing.batches import MAX_LINKS
from app.transports import NewRecord, close_storage
from tests.flow.rating_engine import random_events, rating_ports, running_ratings
from tests.tracing.collector import Collector, collecting

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


def total(collector: Collector, name: str, fact: str) -> int:
    return sum(span.facts[fact] for span in collector.named(name))


async def test_each_chunk_save_and_turn_has_one_span_with_its_counts() -> None:
    events, name, ports = random_events(600), uuid4().hex, rating_ports()
    try:
        async with running_ratings(ports, name=name) as engine:
            pass
        await engine.append([*events, (b"1", b"no rating")])  # they lie there, in full chunks
        async with (
            collecting() as collector,
            running_ratings(ports, name=name, otel_endpoint=collector.url) as engine,
        ):
            await engine.idle()
            saved = len(engine.messages(engine.names.ratings))
            counted = engine.context.metrics
            [letter] = engine.messages(engine.names.dead_letters)
    finally:
        close_storage(f"memory://{name}")
    kinds = {kind: counted.total(f"ratings_{kind}") for kind in ("valid", "duplicate", "stale")}
    chunks = {span.span_id: span for span in collector.named("statistics")}
    assert 0 < len(chunks) < len(events) / 4
    assert total(collector, "statistics", "messaging.batch.message_count") == len(events) + 1
    for kind, count in kinds.items():
        assert total(collector, "statistics", f"answerloop.ratings.{kind}") == count, kind
    assert total(collector, "statistics", "answerloop.ratings.rejected") == 1
    for chunk in chunks.values():
        assert (chunk.parent_id, chunk.links, chunk.events) == ("", (), ("applied",))

    saves = collector.named("save")
    assert (
        sum(
            each.facts["answerloop.next_offset"] - each.facts["answerloop.from_offset"]
            for each in saves
        )
        == saved
    )
    linked = [span_id for each in saves for _, span_id in each.links]
    assert sorted(linked) == sorted(chunks), "each chunk was saved once"
    for each in saves:
        assert all(chunks[span_id].ended_at >= each.ended_at for _, span_id in each.links)

    context = carrier_of(letter.headers)
    assert context is not None
    [buried] = [each for each in chunks.values() if each.facts["answerloop.ratings.rejected"]]
    assert context.trace_id == buried.trace_id
    assert collector.named("recommend")[0].facts["answerloop.users"] > 0


async def test_a_chunk_is_linked_to_the_traces_that_its_messages_carry() -> None:
    events = random_events(3 * MAX_LINKS)
    async with (
        collecting() as collector,
        running_ratings(rating_ports(), otel_endpoint=collector.url) as engine,
    ):
        for number, (key, value) in enumerate(events):
            of_its_own = f"00-{TRACE}-{number + 1:016x}-01".encode()
            headers = [("traceparent", of_its_own)] if number % 2 else HEADERS
            await engine.log.append(NewRecord(engine.names.ratings, 0, key, value, headers=headers))
        await engine.idle()
    first = collector.named("statistics")[0]
    assert (TRACE, SPAN) in first.links
    assert len(set(first.links)) == len(first.links) <= MAX_LINKS
    assert first.trace_id != TRACE


async def test_without_a_collector_nothing_that_is_sent_has_a_header() -> None:
    async with running_ratings(rating_ports()) as engine:
        await engine.append([*random_events(30), (b"1", b"no rating")])
        await engine.idle()
        assert not engine.context.tracing.on
        for topic in (engine.names.dead_letters, engine.names.recommendations):
            assert not any(raw.headers for raw in engine.messages(topic))

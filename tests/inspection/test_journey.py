"""The journey of a question, from a pipeline that really ran: topics, database, or one of both."""

from __future__ import annotations

import itertools
from dataclasses import replace

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Turn
from app.core.retry import RetryPolicy
from app.errors import BrokerUnavailable, StoreUnavailable, llm_failed
from app.inspection.hops import DATABASE
from app.inspection.journey import Journey, trace
from app.inspection.log_reader import LogReader
from app.settings import load_settings
from tests.flow.engine import LIMITS, Engine, make_ports, question, running

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy \x1b[2J", status=503)
UNAUTHORIZED = llm_failed(CAUSES["unauthorized"], "no key", status=401)
SETTINGS = load_settings(partitions=4)
AWAY = StoreUnavailable("PostgreSQL is away")
GONE = BrokerUnavailable("no Kafka answers")


def reader_of(engine: Engine) -> LogReader:
    return LogReader(engine.log, "memory", owned=False)


async def test_a_journey_has_every_hop_with_turns_waits_and_scores() -> None:
    model = ScriptedModel(script={"¿Qué?": [OVERLOADED, "nothing of it", "An answer"]})
    async with running(make_ports(model=model)) as engine:
        asked, other = question("¿Qué?"), question("Other?")
        await engine.submit(asked, other)
        await engine.finals(asked, other)
        await engine.idle()
        key = asked.question_id.encode()
        await engine.send_raw(engine.names.llm_requests, key, b"\xff\x1b[2J")
        reader, store = reader_of(engine), engine.ports.store
        both = await trace(SETTINGS, asked.question_id, reader, store)
        topics = await trace(SETTINGS, asked.question_id, reader, AWAY)
        database = await trace(SETTINGS, asked.question_id, GONE, store)
        late = await trace(SETTINGS, asked.question_id, reader, store, since=asked.accepted_at + 60)
        nobody = await trace(SETTINGS, "nobody", reader, store)

    assert both.status == topics.status == database.status == "validated"
    assert [(hop.what, hop.turn) for hop in topics.hops if hop.topic != "dead-letters"] == [
        ("accepted", Turn(0, 1, 1)),
        ("call wanted", Turn(0, 1, 1)),
        ("failed", Turn(0, 1, 1)),
        ("retry wanted", Turn(0, 1, 1)),
        ("wait over", Turn(0, 1, 1)),
        ("call wanted", Turn(0, 1, 2)),
        ("answered", Turn(0, 1, 2)),
        *sorted_pair(topics, "rejected", "asked again: weak answer"),
        ("call wanted", Turn(0, 2, 1)),
        ("answered", Turn(0, 2, 1)),
        ("validated, final", Turn(0, 2, 1)),
        ("settled", None),
        ("unreadable", None),
    ]
    assert [hop.at for hop in both.hops] == sorted(hop.at for hop in both.hops)
    by_what = {hop.what: hop for hop in topics.hops}
    wanted, released = by_what["retry wanted"], topics.hops[5]
    assert wanted.cause == "overloaded"
    assert wanted.topic == "errors-overload"
    assert wanted.wait_asked is not None
    # 0.05 s with their jitter, and the time from topic to table, which a busy machine stretches.
    assert 0.02 < wanted.wait_asked < 30
    assert released.waited is not None
    assert released.waited >= wanted.wait_asked - 0.02
    assert by_what["validated, final"].f1 == 1.0
    stages = [hop.stage for hop in topics.hops[:7]]
    assert stages == ["intake", "admit", "ask", "route", "timer", "hold", "ask"]
    partitions = {hop.partition for hop in topics.hops}
    assert len(partitions) == 1, "a question's records share a partition number"

    only = [(h.what, h.turn) for h in both.hops if h.topic == DATABASE]
    calls = [("call begins", Turn(0, *turn)) for turn in [(1, 1), (1, 2), (2, 1)]]
    assert only == [*calls, ("ended", Turn(0, 2, 1))]
    assert topics.missing == ("database: PostgreSQL is away",)
    assert database.missing == ("topics: no Kafka answers",)
    assert [hop.what for hop in database.hops] == [
        "accepted",
        *("call begins", "failed"),
        *("call begins", "answered"),
        *("call begins", "answered"),
        "ended",
    ]
    assert {hop.topic for hop in late.hops} == {DATABASE}
    assert not nobody.known
    assert nobody.missing == ()
    assert topics.as_json()["hops"][0]["since_start_seconds"] == 0


def sorted_pair(journey: Journey, *whats: str) -> list[tuple[str, Turn | None]]:
    """Return two hops that are sent side by side, in the order in which they came."""
    return [(hop.what, hop.turn) for hop in journey.hops if hop.what in whats]


async def test_a_death_is_told_by_topics_and_database_alike() -> None:
    async with running(make_ports(model=ScriptedModel(script={"Dies?": [UNAUTHORIZED]}))) as engine:
        dies = question("Dies?")
        await engine.submit(dies)
        await engine.final(dies.question_id)
        await engine.idle()
        found = await trace(SETTINGS, dies.question_id, reader_of(engine), engine.ports.store)
        alone = await trace(SETTINGS, dies.question_id, reader_of(engine), AWAY)
        stored = await trace(SETTINGS, dies.question_id, GONE, engine.ports.store)
    for journey in (found, alone, stored):
        [letter] = [hop for hop in journey.hops if hop.what == "dead letter"]
        assert (letter.cause, letter.turn) == ("unauthorized", Turn(0, 1, 1))
        assert journey.status == "dead"


async def test_while_a_retry_waits_its_due_time_is_told() -> None:
    slow = replace(LIMITS, policy=RetryPolicy(overload_base_seconds=60, jitter=0.0))
    model = ScriptedModel(script={"Waits?": [OVERLOADED]})
    async with running(make_ports(model=model), limits=slow) as engine:
        asked = question("Waits?")
        await engine.submit(asked)
        await engine.in_state(asked.question_id, "waiting")
        found = await trace(SETTINGS, asked.question_id, reader_of(engine), engine.ports.store)
    [wanted] = [hop for hop in found.hops if hop.what == "retry wanted"]
    assert wanted.wait_asked is not None
    assert 59 < wanted.wait_asked <= 60.1
    assert found.hops[-1].what == "due"
    assert found.status == "waiting"
    assert all(a.at <= b.at for a, b in itertools.pairwise(found.hops))

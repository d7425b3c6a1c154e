"""Repeats, replays and late messages: one row, one end, no second call."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from faust.types import TP

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.flood import FloodPolicy
from app.core.lifecycle import Status
from app.errors import llm_failed
from app.intake import Intake, NewQuestion
from app.transports import close_storage
from models.questions import ScoredAnswer
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question, running

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


async def test_one_question_submitted_fifty_times_at_once_is_one_row_and_one_call() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        intake = Intake(engine.context, 0)
        new = NewQuestion("Why?", "An answer")
        taken = await asyncio.gather(*(intake.take(new) for _ in range(50)))
        [question_id] = {each.question_id for each in taken}
        row = await engine.final(question_id)
        await engine.idle()
        assert len(engine.messages(engine.names.llm_requests)) == 1
    assert row.status is Status.VALIDATED
    assert len(ports.model.calls) == 1
    assert await ports.store.counts() == {Status.VALIDATED: 1}


async def test_an_answered_question_is_not_asked_again() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("Why?")
        for _ in range(3):
            await engine.submit(asked)
            await engine.final(asked.question_id)
            await engine.idle()
        assert asked.question_id in engine.app.tables["generations"]
    assert len(ports.model.calls) == 1


async def test_a_dead_question_is_asked_again_in_a_new_round() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    ports = make_ports(model=model)
    async with running(ports) as engine:
        intake = Intake(engine.context, 0)
        new = NewQuestion("Why?", "An answer")
        first = await intake.take(new)
        assert (await engine.final(first.question_id)).status is Status.DEAD
        again = await intake.take(new)
        row = await engine.in_state(first.question_id, "validated")
    assert again.question_id == first.question_id
    assert row.turn.round == 1
    assert [a.round for a in row.attempts] == [0, 1]


async def _outcome(engine: Engine) -> tuple[object, ...]:
    page = await engine.ports.store.questions(limit=500)
    ids = [row.question_id for row in page.questions]
    rows = await engine.ports.store.questions_by_id(ids)
    letters = await engine.ports.store.dead_letters(limit=1000)
    return (
        sorted(rows, key=lambda row: row.question_id),
        {(letter.question_id, letter.turn, letter.cause) for letter in letters},
        len(engine.ports.model.calls),
    )


async def _mixed(engine: Engine, model: ScriptedModel) -> None:
    """Answer 40 questions: good ones, weak ones, dead ones, some after waits."""
    asked = [question(f"Question {n}?", question_id=f"q{n:02}") for n in range(40)]
    for n, each in enumerate(asked):
        steps = {1: [OVERLOADED, OVERLOADED], 2: [BAD], 3: ["wrong"] * 3}.get(n % 4, [])
        model.script(each.question_text, *steps)
    await engine.submit(*asked)
    await engine.finals(*asked)
    await engine.idle()


async def test_redelivering_every_end_in_any_order_changes_nothing() -> None:
    model = ScriptedModel(lambda prompt: "An answer")
    async with running(make_ports(model=model)) as engine:
        await _mixed(engine, model)
        before = await _outcome(engine)
        names = engine.names
        again = [
            raw
            for topic in names[7:10]  # validated, low quality, dead letters
            for raw in engine.messages(topic)
        ]
        random.Random(1).shuffle(again)
        for raw in again:
            await engine.send_raw(raw.topic, raw.key, raw.value)
        await engine.idle()
        assert await _outcome(engine) == before


async def test_replaying_the_whole_log_calls_nobody_and_changes_no_row() -> None:
    """I2: the group goes back to offset 0 and reads everything again."""
    model = ScriptedModel(lambda prompt: "An answer")
    ports = make_ports(model=model)
    name = "replayed"
    try:
        async with running(ports, name=name) as engine:
            await _mixed(engine, model)
            before = await _outcome(engine)
            log, group, names = engine.log, engine.app.conf.id, engine.names
        start = {TP(topic, p): 0 for topic in names for p in range(4)}
        await log.commit(group, start)
        async with running(ports, name=name) as engine:
            await engine.idle()
            assert await _outcome(engine) == before
    finally:
        close_storage(f"memory://{name}")


async def test_what_is_read_again_after_its_deadline_makes_no_dead_letter() -> None:
    """A group that is reset a day later: the questions have their ends, and keep them."""
    model = ScriptedModel(lambda prompt: "An answer")
    asked = [question(f"Question {n}?", deadline_seconds=1.0) for n in range(12)]
    for each in asked:
        model.script(each.question_text, OVERLOADED)
    limits = replace(LIMITS, deadline_seconds=1.0, flood=FloodPolicy(min_ends=5, window_seconds=60))
    async with running(make_ports(model=model), limits=limits) as engine:
        await engine.submit(*asked)
        await engine.finals(*asked)
        await engine.idle()
        await asyncio.sleep(1.1)
        for topic in (engine.names.llm_requests, engine.names.errors_overload):
            again = engine.records(topic)
            assert again
            await engine.send(topic, *again)
        await engine.idle()
        rows = await engine.finals(*asked)
        letters = await engine.ports.store.dead_letters(limit=100)
        assert {row.status for row in rows} == {Status.VALIDATED}
        assert letters == []
        assert len(model.calls) == 2 * len(asked)
        assert engine.context.refusing() is None, "no flood of deaths that did not come to be"


@pytest.mark.parametrize("grace", [0.05, 600.0])
async def test_tables_forget_settled_questions_after_the_grace(grace: float) -> None:
    model = ScriptedModel(lambda prompt: "An answer")
    limits = replace(LIMITS, forget_after_seconds=grace)
    async with running(make_ports(model=model), limits=limits, partitions=1) as engine:
        asked = [question(f"Question {n}?") for n in range(20)]
        for each in asked[:10]:
            model.script(each.question_text, OVERLOADED)
        await engine.submit(*asked)
        await engine.finals(*asked)
        await engine.idle()
        generations, retries = engine.app.tables["generations"], engine.app.tables["retries"]

        async def forgotten() -> bool:
            later = question("One more?")
            model.script(later.question_text, OVERLOADED)
            await engine.submit(later)
            await engine.final(later.question_id)
            await engine.idle()
            return not any(q.question_id in generations or q.question_id in retries for q in asked)

        if grace < 1:
            await poll(forgotten)
            assert len(engine.messages("answerloop-questions-retries-changelog")) > 0
        else:
            assert not await forgotten()
            assert len(generations) == 21
            assert len(retries) == 11


async def test_a_late_repeat_of_a_forgotten_question_is_still_one_row_and_one_call() -> None:
    ports = make_ports()
    limits = replace(LIMITS, forget_after_seconds=0.05)
    async with running(ports, limits=limits, partitions=1) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        await engine.final(asked.question_id)
        await engine.idle()
        table = engine.app.tables["generations"]

        async def forgotten() -> bool:
            await engine.submit(question("Another?"))
            await engine.idle()
            return asked.question_id not in table

        await poll(forgotten)
        await engine.submit(asked)
        await engine.idle()
        assert asked.question_id not in table, "what nothing settles again is not kept for ever"
    assert len(ports.model.calls_of("Why?")) == 1


async def test_a_late_end_of_a_dead_question_does_not_put_it_into_the_cache() -> None:
    """A cached dead question would be served for ever instead of asked again."""
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    ports = make_ports(model=model)
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        assert (await engine.final(asked.question_id)).status is Status.DEAD
        late = ScoredAnswer(
            **asked.carried(),
            answer="late",
            status="validated",
            final=True,
            finished_at=asked.accepted_at,
            why="late",
        )
        await engine.send(engine.names.validated_responses, late)
        await engine.idle()
        assert (await engine.final(asked.question_id)).status is Status.DEAD
    assert await ports.cache.get(asked.question_id) is None

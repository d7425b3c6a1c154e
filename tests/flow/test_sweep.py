"""Questions whose event is gone: the sweep finds them, and a stage ends them or goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from agents.context import Limits
from agents.questions.sweep import sweep
from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.core.retry import RetryPolicy
from app.errors import llm_failed
from app.ports import Accepted, CallAnswer, ClaimRequest, SweepLimits, Waiting
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore

FIRST = Turn(0, 1, 1)
PROMPT = SweepLimits(grace_seconds=0.2, lost_seconds=1e6, again_seconds=1.0)


def sweeping(limits: SweepLimits = PROMPT) -> Limits:
    return replace(LIMITS, sweep=limits, sweep_seconds=0.1)


def ports_of(**parts: Any) -> Any:
    """Ports whose twins the test looks into."""
    return make_ports(**parts)


async def vanished(
    store: Any, question_id: str = "q", *, deadline_at: float | None, **facts: Any
) -> None:
    """Store a question that was called for once, and that is on no topic."""
    accepted = Accepted(
        question_id,
        "Why?",
        "An answer",
        "scripted",
        FIRST,
        facts.pop("accepted_at", time.time() - 10),
        {"row": 7},
    )
    await store.accept([accepted])
    called_at = time.time() - 5
    claim = ClaimRequest(
        CallKey(question_id, *FIRST), "a worker that is gone", 0.0, "scripted", called_at
    )
    await store.claim(replace(claim, deadline_at=deadline_at))


async def test_a_question_whose_event_vanished_ends_dead_by_its_deadline() -> None:
    ports = ports_of()
    await vanished(ports.store, deadline_at=time.time() - 1)
    async with running(ports, limits=sweeping()) as engine:
        row = await engine.final("q")
        await engine.idle()
        assert engine.context.metrics.labelled("questions_swept") == {"deadline": 1, "lost": 0}
        [letter] = engine.records(engine.names.dead_letters)
    assert (row.status, row.cause, row.turn.round) == (Status.DEAD, "deadline", 0)
    assert (row.question_text, row.metadata) == ("Why?", {"row": 7})
    assert letter.detail == "not answered within 4 s of the first call"
    assert ports.model.calls == []


async def test_before_its_deadline_it_is_left_alone() -> None:
    ports = ports_of()
    await vanished(ports.store, deadline_at=time.time() + 60)
    async with running(ports, limits=sweeping()) as engine:
        for _ in range(5):
            assert await sweep(engine.context) == 0
        assert (await ports.store.question("q")).status is Status.ASKING


async def test_a_question_that_waits_alive_ends_once() -> None:
    """Its message waits in `hold`, its deadline is over, the sweep sends it as well."""
    model = ScriptedModel(lambda prompt: "An answer")
    model.script("Why?", llm_failed(CAUSES["overloaded"], "busy", status=503))
    ports = ports_of(model=model)
    limits = replace(sweeping(), policy=RetryPolicy(overload_base_seconds=1.0, jitter=0.0))
    asked = question("Why?", deadline_seconds=1.2)
    async with running(ports, limits=limits) as engine:
        await engine.submit(asked)
        await engine.in_state(asked.question_id, "waiting")
        stored = ports.store._deadlines
        for key in stored:  # as if the clock of the claim had been wrong: the wait outlasts it
            stored[key] = time.time() - 1
        row = await engine.final(asked.question_id)
        await engine.idle()
        swept = engine.context.metrics.labelled("questions_swept")["deadline"]
    assert swept >= 1
    assert (row.status, row.cause) == (Status.DEAD, "deadline")
    last = await ports.store.question(asked.question_id)
    assert (last.status, last.finished_at) == (row.status, row.finished_at)
    assert len(model.calls) == 1


async def test_the_best_attempt_is_kept() -> None:
    ports = ports_of(model=ScriptedModel(lambda prompt: "An unlike thing"))
    limits = replace(sweeping(), max_generations=2)
    asked = question("Why?", "An answer")
    async with running(ports, limits=limits) as engine:
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        assert row.status is Status.LOW_QUALITY
        attempts = row.attempts
    again = ports_of()
    await vanished(again.store, asked.question_id, deadline_at=time.time() - 1)
    for key, call in ports.store._calls.items():
        again.store._calls[key] = call
    async with running(again, limits=limits) as engine:
        dead = await engine.final(asked.question_id)
    best = max(attempts, key=lambda each: each.score.f1)
    assert (dead.status, dead.answer) == (Status.DEAD, best.answer)
    for name in ("score", "threshold", "metric", "gate", "scorer", "library"):
        assert getattr(dead, name) == getattr(best, name) is not None, name
    assert "not answered within" in dead.why


async def test_an_answer_that_arrived_is_judged_however_late() -> None:
    ports = ports_of()
    await vanished(ports.store, deadline_at=time.time() - 1)
    await ports.store.record_answer(
        CallKey("q", *FIRST), "a worker that is gone", CallAnswer("An answer", 0.5)
    )
    async with running(ports, limits=sweeping()) as engine:
        row = await engine.final("q")
    assert (row.status, row.answer) == (Status.VALIDATED, "An answer")
    assert ports.model.calls == []


async def test_a_lost_question_without_a_deadline_is_asked() -> None:
    ports = ports_of()
    await vanished(ports.store, "asked", deadline_at=None)
    await ports.store.accept(
        [Accepted("accepted", "Why?", "An answer", "scripted", FIRST, time.time() - 10)]
    )
    lost = replace(PROMPT, lost_seconds=5.0)
    async with running(ports, limits=sweeping(lost)) as engine:
        rows = [await engine.final(each) for each in ("asked", "accepted")]
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(ports.model.calls) == 2


async def test_what_is_swept_twice_is_called_once_and_ends_once() -> None:
    ports = ports_of()
    await vanished(ports.store, deadline_at=None, accepted_at=time.time() - 10)
    eager = replace(PROMPT, lost_seconds=0.05)
    async with running(ports, limits=sweeping(eager)) as engine:
        for _ in range(3):
            await sweep(engine.context)
        await engine.final("q")
        await engine.idle()
    assert len(ports.model.calls) == 1
    assert len((await ports.store.question("q")).attempts) == 1


async def test_a_waiting_question_that_is_lost_is_asked_again_at_its_turn() -> None:
    ports = ports_of()
    await vanished(ports.store, deadline_at=None)
    await ports.store.waiting([Waiting("q", FIRST, time.time() + 3600, "overloaded")])
    async with running(ports, limits=sweeping(replace(PROMPT, lost_seconds=5.0))) as engine:
        row = await engine.final("q")
    assert row.status is Status.VALIDATED


async def test_while_the_database_is_away_the_sweep_waits() -> None:
    store = FaultyStore()
    await vanished(store.inner, deadline_at=time.time() - 1)
    store.down = True
    async with running(make_ports(store=store), limits=sweeping()) as engine:

        async def refused() -> bool:
            return store.refused.count("take_overdue") >= 2

        await poll(refused)
        store.down = False
        assert (await engine.final("q")).status is Status.DEAD
        assert engine.context.metrics.total("stage_errors") == 0


async def test_every_claim_tells_the_store_the_deadline() -> None:
    ports = ports_of()
    async with running(ports) as engine:
        asked = [question("With?", deadline_seconds=1000.0), question("Without?")]
        await engine.submit(*asked)
        await engine.finals(*asked)
        found = dict(ports.store._deadlines)
    [(key, deadline_at)] = found.items()
    assert key == (asked[0].question_id, 0)
    assert abs(deadline_at - time.time() - 1000) < 30

"""Outside systems that are away: waited for, never counted, and nothing is lost or done twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.questions import admit, ask, hold, judge, persist, route
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import llm_failed
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore, NoCache

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)

#: The store's method at whose first call the outage begins -> the topic whose stage then waits.
STAGES = {
    "accept": "questions_pending",
    "claim": "llm_requests",
    "record_answer": "llm_responses_success",
    "record_failure": "llm_requests",
    "waiting": "errors_overload",
    "record_verdict": "llm_responses_success",
    "finish": "validated_responses",
    "questions_by_id": "validated_responses",
}


@pytest.mark.parametrize("method", STAGES)
async def test_with_the_database_away_at_any_stage_nothing_is_lost_and_nothing_asked_twice(
    method: str,
) -> None:
    store = FaultyStore(method)
    model = ScriptedModel(lambda prompt: "An answer")
    async with running(make_ports(store=store, model=model)) as engine:
        asked = [question(f"Question {n}?") for n in range(20)]
        for each in asked:
            model.script(each.question_text, OVERLOADED)
        await engine.submit(*asked)
        topic = getattr(engine.names, STAGES[method])

        async def refused_and_waiting() -> bool:
            return method in store.refused and engine.unacknowledged(topic) > 0

        await poll(refused_and_waiting)
        await until_answered(store, asked)
        rows = await engine.finals(*asked)
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(model.calls) == 40
    assert {len(row.attempts) for row in rows} == {2}
    assert engine.context.metrics.total("db_errors") > 0


async def until_answered(store: FaultyStore, asked: list[Any]) -> None:
    """Wait past the outage: the harness itself reads the store."""

    async def back() -> bool:
        return not store.away

    await poll(back)


async def test_while_the_database_is_away_no_model_is_called() -> None:
    store = FaultyStore()
    ports = make_ports(store=store)
    async with running(ports) as engine:
        store.down = True
        await engine.submit(*(question(f"Question {n}?", question_id=f"q{n}") for n in range(10)))

        async def waiting() -> bool:
            return len(store.refused) >= 2

        await poll(waiting)
        assert ports.model.calls == []
        assert engine.unacknowledged(engine.names.questions_pending) == 10
        store.down = False
        for n in range(10):
            assert (await engine.final(f"q{n}")).status is Status.VALIDATED
    assert len(ports.model.calls) == 10


async def test_the_scorer_is_waited_for_and_no_answer_is_asked_for_again() -> None:
    scorer = OverlapScorer()
    scorer.available = False
    ports = make_ports(scorer=scorer)
    async with running(ports) as engine:
        asked = [question(f"Question {n}?") for n in range(5)]
        unscored = question("No reference?", None)
        await engine.submit(*asked, unscored)
        assert (await engine.final(unscored.question_id)).status is Status.UNSCORED

        async def tried() -> bool:
            return len(scorer.calls) >= 5

        await poll(tried)
        for each in asked:
            assert (await engine.in_state(each.question_id, "judging")).score is None
        assert engine.unacknowledged(engine.names.llm_responses_success) > 0
        scorer.available = True
        rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(ports.model.calls) == 6


async def test_without_any_cache_everything_works() -> None:
    cache = NoCache()
    async with running(make_ports(cache=cache)) as engine:
        asked = [question(f"Question {n}?") for n in range(10)]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        await engine.idle()
        assert engine.context.metrics.total("cache_errors") > 0
        assert engine.context.metrics.total("stage_errors") == 0
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert cache.asked > 0


#: The function inside each stage that is made to stumble over one question.
BUGS = {
    admit: "_next_message",
    ask: "outgoing",
    route: "_routed",
    hold: "_on_failure",
    judge: "_outgoing",
    persist: "_scored_ending",
}


@pytest.mark.parametrize("stage", BUGS, ids=lambda stage: stage.STAGE)
async def test_a_defect_inside_a_stage_costs_one_question_not_the_rest(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(stage, BUGS[stage])

    def stumbling(*args: Any) -> Any:
        if "STUMBLE" in repr(args):
            raise KeyError("a defect")
        return real(*args)

    monkeypatch.setattr(stage, BUGS[stage], stumbling)
    model = ScriptedModel(lambda prompt: "An answer")
    async with running(make_ports(model=model)) as engine:
        before = engine.actors()
        asked = [question(f"Question {n}?") for n in range(20)]
        victim = question("STUMBLE?")
        for each in [*asked, victim]:
            model.script(each.question_text, OVERLOADED)
        await engine.submit(*asked[:10], victim, *asked[10:])
        rows = await engine.finals(*asked)
        dead = await engine.final(victim.question_id)
        await engine.idle()
        assert engine.actors() == before
        assert engine.context.metrics.total("stage_errors") == 1
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert (dead.status, dead.cause) == (Status.DEAD, "internal_error")


async def test_a_model_that_breaks_its_promise_is_dead_letter_and_its_claim_is_given_back() -> None:
    class Broken(ScriptedModel):
        async def answer(self, prompt: Any) -> Any:
            await super().answer(prompt)
            raise ZeroDivisionError

    ports = make_ports(model=Broken())
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        assert await ports.store.renew(engine.context.owner, 1.0, ports.clock.now()) == 0
    assert (row.status, row.cause, len(ports.model.calls)) == (Status.DEAD, "internal_error", 1)


async def test_one_slow_model_call_delays_nobody_else() -> None:
    class Uneven(ScriptedModel):
        async def answer(self, prompt: Any) -> Any:
            self._seconds = 60.0 if "slow" in prompt.user else 0.0
            return await super().answer(prompt)

    limits = replace(LIMITS, concurrency=2)
    async with running(make_ports(model=Uneven(lambda p: "An answer")), limits=limits) as engine:
        await engine.submit(question("slow?"))
        asked = [question(f"Question {n}?") for n in range(50)]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.VALIDATED}

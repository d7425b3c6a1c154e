"""Questions end to end on the in-memory log: the states in which they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.strategies import Strategies, Strategy
from app.errors import ScoreFailure, llm_failed
from models.questions import ScoredAttempt
from tests.flow.engine import LIMITS, make_ports, question, running

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
BEST = ScoredAttempt(
    generation=2, attempt=1, answer="the best", precision=0.5, recall=0.5, f1=0.5, model="m"
)


async def test_a_good_answer_is_validated_stored_and_cached() -> None:
    ports = make_ports(model=ScriptedModel(answer=lambda prompt: "Paris is the capital."))
    async with running(ports) as engine:
        asked = question("Which city?", "Paris is the capital.", metadata={"source": "test"})
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
    assert row.status is Status.VALIDATED
    assert row.answer == "Paris is the capital."
    assert row.score.f1 == 1.0
    assert (row.threshold, row.scorer) == (0.6, "overlap:0")
    assert row.metadata == {"source": "test"}
    assert [a.answer for a in row.attempts] == ["Paris is the capital."]
    assert b'"validated"' in (await ports.cache.get(asked.question_id) or b"")


@pytest.mark.parametrize("reference", [None, "", "  "])
async def test_without_a_reference_an_answer_is_unscored(reference: str | None) -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("Why?", reference)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.score, row.answer) == (Status.UNSCORED, None, "An answer")
    assert ports.scorer.calls == []


async def test_a_weak_answer_is_asked_three_times_and_the_best_attempt_is_kept() -> None:
    model = ScriptedModel(script={"Why?": ["one x y z", "one two x y", "nothing"]})
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?", "one two three four five six")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        ends = engine.records(engine.names.low_quality_responses)
    assert (row.status, row.answer) == (Status.LOW_QUALITY, "one two x y")
    assert row.score.f1 == pytest.approx(0.4)
    assert row.turn.generation == 2
    assert len(model.calls) == 3
    assert [a.generation for a in row.attempts] == [1, 2, 3]
    assert [(end.final, end.generation) for end in ends] == [(False, 1), (False, 2), (True, 2)]


async def test_a_second_generation_that_passes_is_enough() -> None:
    model = ScriptedModel(script={"Why?": ["nonsense", "An answer"]})
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.turn.generation, len(model.calls)) == (Status.VALIDATED, 2, 2)
    first, second = (call.prompt for call in model.calls)
    assert replace(first, seed=0) != replace(second, seed=0)


async def test_the_reference_never_gets_into_a_prompt() -> None:
    model = ScriptedModel(lambda prompt: "wrong")
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?", "CANARY-REFERENCE", metadata={"hint": "CANARY-REFERENCE"})
        await engine.submit(asked)
        await engine.final(asked.question_id)
    assert len(model.calls) == 3
    assert "CANARY" not in repr([call.prompt for call in model.calls])


@pytest.mark.parametrize("reference", ["An answer", None])
async def test_empty_answers_never_pass_and_are_never_scored(reference: str | None) -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: " \n"))
    async with running(ports) as engine:
        asked = question("Why?", reference)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert row.status is Status.LOW_QUALITY
    assert len(ports.model.calls) == 3
    assert ports.scorer.calls == []


async def test_a_forged_generation_without_a_best_attempt_is_dead_and_asks_nothing() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        forged = question("Why?", generation=99)
        await engine.submit(forged)
        row = await engine.final(forged.question_id)
    assert (row.status, row.cause) == (Status.DEAD, "anti_cycle")
    assert ports.model.calls == []


async def test_a_forged_generation_with_a_best_attempt_ends_with_it() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        forged = question("Why?", generation=99, best=BEST)
        await engine.submit(forged)
        row = await engine.final(forged.question_id)
    assert (row.status, row.cause, row.answer) == (Status.LOW_QUALITY, "anti_cycle", "the best")
    assert ports.model.calls == []


async def test_one_generation_can_be_all_there_is() -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: "wrong"))
    async with running(ports, limits=replace(LIMITS, max_generations=1)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.answer, len(ports.model.calls)) == (Status.LOW_QUALITY, "wrong", 1)


async def test_an_answer_that_has_no_score_is_dead_not_low_quality() -> None:
    ports = make_ports(scorer=OverlapScorer([ScoreFailure("not a number")] * 3))
    async with running(ports) as engine:
        asked, other = question("Why?"), question("What?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.submit(other)
        assert (await engine.final(other.question_id)).status is Status.VALIDATED
    assert (row.status, row.cause, row.score) == (Status.DEAD, "score_failure", None)
    assert len(ports.model.calls_of("Why?")) == 1


async def test_two_thousand_questions_all_end() -> None:
    ports = make_ports()
    limits = replace(LIMITS, concurrency=64)
    async with running(ports, limits=limits) as engine:
        asked = [question(f"Question {n}?", question_id=f"q{n}") for n in range(2000)]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(ports.model.calls) == 2000
    assert ports.model.most_in_flight <= 64
    assert await ports.store.counts() == {Status.VALIDATED: 2000}


async def test_a_later_generation_may_ask_another_model_and_its_attempt_says_so() -> None:
    strategies = Strategies((Strategy(0.0, 1), Strategy(0.5, 2, model="large")))
    ports = make_ports(model=ScriptedModel(script={"Why?": ["wrong", "An answer"]}))
    async with running(ports, limits=replace(LIMITS, strategies=strategies)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert [call.prompt.model for call in ports.model.calls] == ["", "large"]
    assert [attempt.model for attempt in row.attempts] == ["scripted", "large"]
    assert row.model == "scripted", "the question's identity stays"
    assert (await ports.store.costs([asked.question_id])).keys() == {"scripted", "large"}

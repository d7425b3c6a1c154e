"""Guards in the pipeline: an objection is asked again, kept, counted, and never a pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.guards import guards_of
from app.core.lifecycle import Status
from tests.flow.engine import LIMITS, make_ports, question, running

QUESTION = "In which year did the Wall fall?"
REFERENCE = "The Wall fell in 1989 in the city of Berlin."
RIGHT = REFERENCE
WRONG = "The Wall fell in 1990 in the city of Berlin."
REFUSAL = "I'm sorry, but I can't help with that."
WEAK = "It was 1989."


async def answered(
    *answers: str, reference: str | None = REFERENCE, guards: str = "all"
) -> tuple[Any, dict[str, int], list[Any]]:
    """Return the stored question, the guards that fired, and the rejected attempts."""
    ports = make_ports(model=ScriptedModel(script={QUESTION: list(answers)}))
    limits = replace(LIMITS, guards=guards_of(guards))
    async with running(ports, limits=limits) as engine:
        asked = question(QUESTION, reference)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        fired = engine.context.metrics.labelled("guards_fired")
        return row, fired, engine.records(engine.names.low_quality_responses)


async def test_a_wrong_number_with_a_high_score_is_asked_again_and_says_why() -> None:
    row, fired, rejected = await answered(WRONG, RIGHT)
    assert (row.status, row.answer, row.cause) == (Status.VALIDATED, RIGHT, None)
    first, second = row.as_json()["attempts"]
    assert first["why"] == (
        "guard numbers_changed: the reference says 1989, the answer 1990 (f1 0.900 >= 0.600)"
    )
    assert first["f1"] == pytest.approx(0.9)
    assert (first["verdict"], second["verdict"]) == ("fail", "pass")
    assert row.why == second["why"] == "f1 1.000 >= 0.600"
    assert [(each.final, each.why) for each in rejected] == [(False, first["why"])]
    assert fired == {"numbers_changed": 1}


async def test_a_weak_answer_is_better_than_a_guarded_one_with_a_higher_score() -> None:
    row, _, _ = await answered(WRONG, WEAK, WRONG)
    assert (row.status, row.answer, row.turn.generation) == (Status.LOW_QUALITY, WEAK, 2)
    assert row.cause is None
    row, _, _ = await answered(WEAK, WRONG, WRONG)
    assert (row.answer, row.turn.generation) == (WEAK, 1)


async def test_a_question_with_guarded_answers_only_ends_with_the_best_and_its_guard() -> None:
    row, fired, _ = await answered(REFUSAL, WRONG, REFUSAL)
    assert (row.status, row.answer, row.turn.generation) == (Status.LOW_QUALITY, WRONG, 2)
    assert row.cause == "guard_numbers_changed"
    assert row.as_json()["cause"] == "guard_numbers_changed"
    assert row.score.f1 == pytest.approx(0.9)
    assert fired == {"numbers_changed": 1, "refusal": 2}


async def test_without_a_reference_a_refusal_is_asked_again() -> None:
    row, fired, _ = await answered(REFUSAL, "In 1989.", reference=None)
    assert (row.status, row.answer, row.score) == (Status.UNSCORED, "In 1989.", None)
    assert row.attempts[0].why.startswith("guard refusal: ")
    assert fired == {"refusal": 1}


async def test_without_a_reference_refusals_only_are_low_quality_without_a_score() -> None:
    row, _, _ = await answered(REFUSAL, REFUSAL, REFUSAL, reference=None)
    assert (row.status, row.cause) == (Status.LOW_QUALITY, "guard_refusal")
    assert (row.score, row.threshold, row.scorer) == (None, None, None)


async def test_guards_that_are_off_leave_the_verdict_to_the_score() -> None:
    row, _, _ = await answered(WRONG, guards="echo,refusal")
    assert (row.status, row.answer) == (Status.VALIDATED, WRONG)
    row, fired, _ = await answered(REFUSAL, reference=None, guards="none")
    assert row.status is Status.UNSCORED
    assert fired == {}


async def test_a_blank_answer_is_rejected_with_every_guard_off() -> None:
    row, _, _ = await answered(" ", " ", " ", reference=None, guards="none")
    assert (row.status, row.cause) == (Status.LOW_QUALITY, "guard_empty")

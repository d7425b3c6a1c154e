"""A weak answer is asked for again as its rejection calls for, and without a word of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.guards import GUARDS
from app.core.lifecycle import Status
from app.core.strategies import REASONS, Change, Strategies, Strategy
from app.errors import llm_failed
from tests.flow.engine import LIMITS, make_ports, question, running

QUESTION = "¿En qué año cayó el muro de la ciudad de Berlín?"
REFERENCE = "El muro de Berlín cayó en el año 1989."
WRONG_YEAR = "El muro de Berlín cayó en el año 1990."
REFUSAL = "Lo siento, pero no puedo responder a esa pregunta."
WEAK = "En 1989."
OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)

STRATEGIES = Strategies(
    (Strategy(0.0, 1), Strategy(0.5, 2)),
    (
        Change(language="Spanish", prompt="Responde: {question}"),
        *(
            Change(rejected_by=(reason,), prompt=f"After {reason}: {{question}}")
            for reason in REASONS
            if reason != "low_score"
        ),
    ),
)
LEARNING = replace(LIMITS, strategies=STRATEGIES, guards=tuple(GUARDS))


@pytest.mark.parametrize(
    ("answers", "asked", "names"),
    [
        ([WEAK, REFERENCE], [QUESTION, f"Responde: {QUESTION}"], ["1", "2 + Spanish"]),
        (
            [WRONG_YEAR, REFUSAL, REFERENCE],
            [QUESTION, f"After numbers_changed: {QUESTION}", f"After refusal: {QUESTION}"],
            ["1", "2 + Spanish + numbers_changed", "2 + Spanish + refusal"],
        ),
        (
            [REFUSAL, OVERLOADED, WEAK, REFERENCE],
            [
                QUESTION,
                f"After refusal: {QUESTION}",
                f"After refusal: {QUESTION}",
                f"Responde: {QUESTION}",
            ],
            ["1", "2 + Spanish + refusal", "2 + Spanish + refusal", "2 + Spanish"],
        ),
    ],
)
async def test_the_last_rejection_says_how_it_is_asked_again_also_after_a_retry(
    answers: list[str], asked: list[str], names: list[str]
) -> None:
    model = ScriptedModel(script={QUESTION: answers})
    async with running(make_ports(model=model), limits=LEARNING) as engine:
        sent = question(QUESTION, REFERENCE)
        await engine.submit(sent)
        row = await engine.final(sent.question_id)
    assert row.status is Status.VALIDATED
    assert [call.prompt.user for call in model.calls] == asked
    assert [attempt.strategy for attempt in row.attempts] == [f"generation {n}" for n in names]
    prompts = [call.prompt for call in model.calls]
    sampling = [(attempt.temperature, attempt.seed) for attempt in row.attempts]
    assert sampling == [(prompt.temperature, prompt.seed) for prompt in prompts]


@pytest.mark.parametrize("strategies", [STRATEGIES, LIMITS.strategies])
async def test_no_word_of_the_reference_reaches_a_prompt_through_a_rejection(
    strategies: Strategies,
) -> None:
    """The guard's clause says `the reference says 1989`; it is stored, and stays there."""
    model = ScriptedModel(lambda prompt: WRONG_YEAR)
    ports = make_ports(model=model)
    limits = replace(LEARNING, strategies=strategies)
    async with running(ports, limits=limits) as engine:
        sent = question(QUESTION, REFERENCE, metadata={"hint": REFERENCE})
        await engine.submit(sent)
        row = await engine.final(sent.question_id)
    assert "1989" in str(row.attempts[0].why)
    assert len(model.calls) == 3
    assert "1989" not in repr([call.prompt for call in model.calls])

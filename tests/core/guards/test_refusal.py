"""`refusal`: what counts as one, and what only sounds like it."""

from __future__ import annotations

import pytest

from app.core.guards.evidence import Evidence
from app.core.guards.refusal import refusal
from bench.guard_pairs import REFUSALS


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_seen(answer: str) -> None:
    assert refusal(Evidence(answer, "What is it?", "It is a thing."))


@pytest.mark.parametrize(
    "answer",
    [
        "You can't divide by zero.",
        "I can't stop smiling when the sea is near.",
        "\"I'm sorry, I can't help with that\" is what a clerk may say.",
        "Sorry is a card game in which you can't move backwards.",
        "No puedo estar más contento.",
        "No se puede: el agua no puede hervir a 20 grados.",
        "As an AI researcher, Turing asked whether machines think.",
        "As an AI language model, I don't have opinions, but here is a name that many bakers by "
        "the sea would like: Salt and Crumb.",
        "A model says that as an AI it cannot feel. I cannot help but agree.",
    ],
)
def test_an_answer_is_none(answer: str) -> None:
    assert refusal(Evidence(answer, "What is it?", "It is a thing.")) is None


def test_where_the_reference_refuses_a_refusal_is_right() -> None:
    reference = "I can't help with that: it is against the law."
    assert refusal(Evidence("I can't help with that.", "How?", reference)) is None


def test_the_reason_quotes_it() -> None:
    found = refusal(Evidence("Lo siento, no puedo ayudarte con eso."))
    assert found == "the model declines to answer ('lo siento, no puedo ayudarte')"

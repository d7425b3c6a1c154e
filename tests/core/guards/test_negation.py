"""`negation`: the same statement with and without a "not", and little else."""

from __future__ import annotations

import pytest

from app.core.guards.evidence import Evidence
from app.core.guards.negation import negation


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("Paris is the capital of France.", "Paris is not the capital of France."),
        ("Paris isn't the capital of Spain.", "Paris is the capital of Spain."),
        ("Kenya is in Africa, in the east.", "Kenya isn't in Africa."),
        ("No, it is poisonous to dogs.", "Yes, in small amounts."),
        ("Yes, you can freeze it.", "No. It spoils."),
        ("Sí, se puede.", "No, se estropea."),
        ("Madrid es la capital de España.", "Madrid no es la capital de España."),
        ("El Guernica fue pintado por Picasso.", "El Guernica nunca fue pintado por Picasso."),
    ],
)
def test_a_flipped_statement_is_objected_to(reference: str, answer: str) -> None:
    assert negation(Evidence(answer, "Is it so?", reference))


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        ("Q?", "Kitten food, never cow's milk.", "Give it kitten food, not cow's milk."),
        ("Q?", "Kitten food, never cow's milk.", "Kitten food."),
        (
            "Q?",
            "Paris is the capital of France.",
            "Paris, and not Lyon, is the capital of France. Lyon isn't.",
        ),
        ("Q?", "Blue light is scattered.", "It is not the sea that makes the sky blue."),
        ("Isn't Paris the capital?", "Yes, it is.", "No, you are wrong to doubt it."),
        ("Q?", "No, it is poisonous.", "It is toxic."),
        ("Q?", "No one knows.", "Yes is not an answer here."),
        ("Q?", "", "It is not."),
    ],
)
def test_other_words_and_added_remarks_are_left_alone(
    question: str, reference: str, answer: str
) -> None:
    assert negation(Evidence(answer, question, reference)) is None


def test_the_reason_says_who_negates() -> None:
    reference, answer = "The sky is blue today.", "The sky is not blue today."
    assert negation(Evidence(answer, "Q?", reference)) == "only the answer negates the statement"
    assert negation(Evidence(reference, "Q?", answer)) == "only the reference negates the statement"

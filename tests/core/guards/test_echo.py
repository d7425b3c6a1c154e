"""`echo`: the question again is no answer."""

from __future__ import annotations

import pytest

from app.core.guards.echo import echo
from app.core.guards.evidence import Evidence

QUESTION = "What is the capital of France?"


@pytest.mark.parametrize(
    "answer",
    [
        QUESTION,
        "what is the capital of france",
        "Question: What is the capital of France?",
        "What is the capital of France? What is the capital of France?",
        "**What is the Capital of France?**\n",
    ],
)
def test_the_question_again_is_an_echo(answer: str) -> None:
    assert echo(Evidence(answer, QUESTION, "Paris.")) == "the answer repeats the question"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "What is the capital of France? Paris."),
        (QUESTION, "The capital of France is Paris."),
        ("Hello there!", "Hello there!"),
        ("¿Madrid es la capital de España?", "Madrid es la capital de España."),
        ("Is it a fruit or a vegetable?", "A fruit."),
    ],
)
def test_an_answer_in_the_words_of_the_question_is_none(question: str, answer: str) -> None:
    assert echo(Evidence(answer, question)) is None


def test_where_the_reference_is_the_question_again_nothing_is_objected() -> None:
    repeat = "Repeat these words exactly."
    assert echo(Evidence(repeat, repeat)) is not None
    assert echo(Evidence(repeat, repeat, repeat)) is None

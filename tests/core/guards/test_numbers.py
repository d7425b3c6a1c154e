"""`numbers_changed` and `numbers_missing`: what they object to, and what they leave alone."""

from __future__ import annotations

import pytest

from app.core.guards.evidence import Evidence
from app.core.guards.numbers import numbers_changed, numbers_missing

WAR = "When did the Second World War end?"


@pytest.mark.parametrize(
    ("question", "reference", "answer", "reason"),
    [
        (WAR, "In 1945.", "It ended in 1944.", "the reference says 1945, the answer 1944"),
        ("¿Cuántas patas tiene?", "Ocho patas.", "6", "the reference says ocho, the answer 6"),
        (
            "Who?",
            "Anna, with 25 % of votes.",
            "Anna, with 35 % of votes.",
            "the reference says 25, the answer 35",
        ),
        (
            "¿Qué altura tiene?",
            "Mide 1.000 metros.",
            "Mide 2.000 metros.",
            "the reference says 1.000, the answer 2.000",
        ),
        (
            "A for 12?",
            "It is 12, so 9 dollars.",
            "It is 12, so 8 dollars.",
            "the reference says 9, the answer 8",
        ),
    ],
)
def test_another_number_in_its_place_is_a_change(
    question: str, reference: str, answer: str, reason: str
) -> None:
    assert numbers_changed(Evidence(answer, question, reference)) == reason


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (WAR, "In 1945.", "In 1945: in Europe on 8 May, in Asia on 2 September."),
        ("How many?", "1,000 people.", "Eran 1.000 personas."),
        ("How many?", "1000 people.", "1,000 people, in 3 groups."),
        ("Who painted it?", "Picasso, in 1937.", "Picasso, born in Málaga in 1881."),
        ("Who was it?", "Armstrong, in July 1969.", "Neil Armstrong."),
        (
            "What do 18 pens cost?",
            "18 pens cost 9 dollars.",
            "9 dollars, after 3 dollars of discount.",
        ),
        ("What is 2 and 2 of 18?", "18 is given.", "17 is not."),
        ("When?", "At 12:10.", "At ten past twelve."),
        ("Why?", "Because.", "There are 3 reasons."),
    ],
)
def test_the_same_numbers_and_others_elsewhere_are_none(
    question: str, reference: str, answer: str
) -> None:
    assert numbers_changed(Evidence(answer, question, reference)) is None


@pytest.mark.parametrize("filler", ["word " * 2_000, "3, " * 100])
def test_what_is_too_long_to_compare_is_left_alone(filler: str) -> None:
    evidence = Evidence(f"In 1944. {filler}", WAR, "In 1945.")
    assert numbers_changed(evidence) is None
    assert numbers_missing(evidence) is None


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (WAR, "It ended in 1945, in Asia in September.", "It ended when Japan gave up."),
        ("The year?", "1945", "After the bombs."),
        ("¿Cuántos meses tiene un año?", "Tiene doce meses.", "Tiene muchos meses."),
    ],
)
def test_a_number_that_was_asked_for_is_missed(question: str, reference: str, answer: str) -> None:
    found = numbers_missing(Evidence(answer, question, reference))
    assert found is not None
    assert found.endswith("the answer no number")


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (
            "Who was the first to walk on the Moon?",
            "Neil Armstrong, in July 1969, was the first.",
            "Armstrong.",
        ),
        ("How many?", "There are two.", "A pair."),
        ("¿En qué día sale?", "El octavo día, tras siete noches.", "El octavo día."),
        ("How many of the 7?", "All 7.", "All."),
        ("When?", "In 1945.", "In 1944."),
    ],
)
def test_what_was_not_asked_for_or_is_there_in_words_is_not_missed(
    question: str, reference: str, answer: str
) -> None:
    assert numbers_missing(Evidence(answer, question, reference)) is None

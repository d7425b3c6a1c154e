"""Right answers made wrong by rule, in English and Spanish."""

from __future__ import annotations

from random import Random

import pytest

from app.calibration.builtin import built_in_rows
from app.calibration.perturb import changed_numbers, negated


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Paris is the capital.", "Paris is not the capital."),
        ("It was painted by Leonardo.", "It was not painted by Leonardo."),
        ("Dogs should never eat chocolate.", "Dogs should eat chocolate."),
        ("You can't see it.", "You can see it."),
        ("It won't rain.", "It will rain."),
        ("You cannot go.", "You can go."),
        ("Spiders have eight legs.", "Spiders do not have eight legs."),
        ("She has been here.", "She has not been here."),
        ("It carries salt.", "It does not carry salt."),
        ("They purr when content.", "They do not purr when content."),
        ("Yes, you can freeze it. Cool it.", "No, you can not freeze it. Cool it."),
        ("No. It is toxic.", "Yes. It is toxic."),
        ("No, it is not safe.", "Yes, it is safe."),
        ("Press the button.", "Do not press the button."),
        ("It happened on 8 May, in Europe.", None),
        ("Deoxyribonucleic acid.", None),
        ("", None),
    ],
)
def test_english_statements_are_turned_round(text: str, wrong: str | None) -> None:
    assert negated(text, "en") == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Madrid es la capital de España.", "Madrid no es la capital de España."),
        ("Lo escribió Cervantes.", "No lo escribió Cervantes."),
        ("En Brasil se habla portugués.", "En Brasil no se habla portugués."),
        ("Los perros no deben comerlo.", "Los perros deben comerlo."),
        ("No se debe comer.", "Se debe comer."),
        ("Nunca llueve allí.", "Siempre llueve allí."),
        ("Sí, es bueno.", "No, no es bueno."),
        ("No, es malo. Duele.", "Sí, no es malo. Duele."),
        ("Terminó en 1945.", "No terminó en 1945."),
        ("Portugués.", None),
    ],
)
def test_spanish_statements_are_turned_round(text: str, wrong: str | None) -> None:
    assert negated(text, "es") == wrong


@pytest.mark.parametrize("seed", range(5))
def test_numbers_become_others_and_the_rest_stays(seed: int) -> None:
    made = changed_numbers("In 1945 it was 8,849 m, 3.5 times, seven or 12th, once.", Random(seed))
    assert made is not None
    words = made.split()
    assert words[:3] == ["In", words[1], "it"]
    assert words[1].startswith("19")
    assert words[1] != "1945"
    assert words[4].endswith(",849")
    assert words[4] != "8,849"
    assert words[6].endswith(".5")
    assert words[6] != "3.5"
    assert words[8] not in ("seven", "7")
    assert words[-2:] == ["12th,", "once."]


@pytest.mark.parametrize("seed", range(5))
def test_spanish_number_words_become_others(seed: int) -> None:
    made = changed_numbers("Tienen ocho patas, una cola y veinte dientes.", Random(seed))
    assert made is not None
    assert "ocho" not in made
    assert "veinte" not in made
    assert "una cola" in made


def test_text_without_numbers_has_none_to_change() -> None:
    assert changed_numbers("One of them, at once: level B2.", Random(1)) is None


def test_most_built_in_answers_can_be_negated_and_none_becomes_itself() -> None:
    answers = [(a, row.language) for row in built_in_rows() for a in (row.short, row.long)]
    made = [(answer, negated(answer, language)) for answer, language in answers]
    assert sum(wrong is not None for _, wrong in made) > 0.7 * len(made)
    assert all(answer != wrong for answer, wrong in made)

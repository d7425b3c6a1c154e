"""`language`: only where both languages are clear."""

from __future__ import annotations

import pytest

from app.core.guards.evidence import Evidence
from app.core.guards.language import language, language_of
from bench.gate_pairs import ROWS

_NAMES = {"en": "English", "es": "Spanish"}
ENGLISH = "The sea is salty because rivers carry salts from the rocks into it."
SPANISH = "El mar es salado porque los ríos llevan las sales de las rocas."


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.question[:30])
def test_no_text_is_taken_for_another_language(row: object) -> None:
    for text in (row.question, row.reference, row.short, row.long):  # type: ignore[attr-defined]
        assert language_of(text) in {None, _NAMES[row.language]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ENGLISH, "English"),
        (SPANISH, "Spanish"),
        ("La mer est salée, car les fleuves y apportent dans l'eau les sels des roches.", "French"),
        (
            "Das Meer ist salzig, weil die Flüsse Salze aus den Steinen in das Meer tragen.",
            "German",
        ),
        ("Il mare è salato perché i fiumi portano nel mare il sale delle rocce.", "Italian"),
        ("O mar é salgado porque os rios levam os sais das rochas até ao mar.", "Portuguese"),
        ("Море солёное, потому что реки несут соли.", "Cyrillic"),
        ("海が塩辛いのは、川が岩から塩を運ぶからです。", "Chinese or Japanese"),
        ("الجواب هو باريس عاصمة فرنسا", "Arabic"),
        ("Paris.", None),
        ("William Shakespeare, Miguel de Cervantes, Leonardo da Vinci", None),
        ("299,792,458 m/s", None),
        ("```python\nfor x in the_list: print(x) if x is not None and x in that\n```", None),
    ],
)
def test_languages_and_scripts_are_told_from_enough_text(text: str, name: str | None) -> None:
    assert language_of(text) == name


def test_another_language_than_the_reference_is_objected_to() -> None:
    found = language(Evidence(SPANISH, "Why is the sea salty?", ENGLISH))
    assert found == "the answer is in Spanish, not in English"


def test_a_reference_that_is_too_short_tells_with_the_question() -> None:
    question = "What is the name of the largest ocean on Earth?"
    assert language(Evidence(SPANISH, question, "The Pacific."))
    assert language(Evidence(SPANISH, question, None))


@pytest.mark.parametrize(
    ("answer", "question", "reference"),
    [
        ("El Pacífico.", "What is the name of the largest ocean on Earth?", ENGLISH),
        (SPANISH, "How do you say that the sea is salty in Spanish?", None),
        (SPANISH, "Traduce: The sea is salty because of the rivers.", SPANISH),
        (SPANISH, "Océano?", "Pacífico"),
    ],
)
def test_what_is_short_or_a_translation_is_left_alone(
    answer: str, question: str, reference: str | None
) -> None:
    assert language(Evidence(answer, question, reference)) is None

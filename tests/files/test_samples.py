"""The samples are what the demo and the docs say they are."""

from __future__ import annotations

import unicodedata
from collections import Counter

from app.core.identity import normalise
from app.files import QuestionRow, count_rows, read_questions
from app.samples import samples_path


def samples() -> list[QuestionRow]:
    rows = list(read_questions(samples_path()))
    good = [row for row in rows if isinstance(row, QuestionRow)]
    assert good == rows
    return good


def test_sixty_questions_in_two_languages() -> None:
    rows = samples()
    assert len(rows) == count_rows(samples_path()) == 60
    assert Counter(row.metadata["language"] for row in rows) == {"en": 40, "es": 20}
    difficulty = Counter(row.metadata["difficulty"] for row in rows)
    assert set(difficulty) == {"easy", "medium", "hard"}
    assert min(difficulty.values()) >= 10


def test_no_question_comes_twice() -> None:
    texts = [normalise(row.question_text).casefold() for row in samples()]
    assert len(set(texts)) == len(texts)


def test_three_have_no_reference_and_the_others_are_sentences() -> None:
    references = [row.original_answer for row in samples()]
    assert references.count(None) == 3
    assert all(text.endswith(".") and len(text.split()) >= 5 for text in references if text)


def test_texts_are_normalised_already() -> None:
    for row in samples():
        for text in (row.question_text, row.original_answer or ""):
            assert text == normalise(text)
    assert unicodedata.is_normalized("NFC", samples_path().read_text(encoding="utf-8"))


def test_metadata_has_the_same_keys_everywhere() -> None:
    assert {frozenset(row.metadata) for row in samples()} == {
        frozenset({"language", "topic", "difficulty"})
    }

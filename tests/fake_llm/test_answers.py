"""Answers with references: a share of them good, the same call always alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.adapters.scorer.memory import overlap
from app.errors import InputError
from app.fake_llm import FakeModelServer, ReferenceAnswers
from app.fake_llm.answers import load_references

REFERENCES = {
    f"What is thing {n}?": f"Thing {n} is a large metal wheel, number {n} of the series."
    for n in range(400)
}


def good(answer: str, question: str) -> bool:
    return overlap(answer, REFERENCES[question]).recall > 0.9


@pytest.mark.parametrize("share", [0.0, 0.25, 0.7, 1.0])
def test_the_share_of_good_answers_is_as_asked(share: float) -> None:
    answers = ReferenceAnswers(REFERENCES, share, seed=3)
    found = [good(answers.answer(question), question) for question in REFERENCES]
    assert sum(found) / len(found) == pytest.approx(share, abs=0.06)


def test_the_same_call_gets_the_same_answer_and_another_sampling_is_a_new_draw() -> None:
    answers = ReferenceAnswers(REFERENCES, 0.5, seed=3)
    again = ReferenceAnswers(REFERENCES, 0.5, seed=3)
    first = [answers.answer(question, question, 1) for question in REFERENCES]
    assert first == [again.answer(question, question, 1) for question in REFERENCES]
    second = [answers.answer(question, question, 2) for question in REFERENCES]
    changed = sum(a != b for a, b in zip(first, second, strict=True))
    assert changed > 200


def test_bad_answers_share_no_subject_with_the_reference() -> None:
    answers = ReferenceAnswers(REFERENCES, 0.0)
    scores = [overlap(answers.answer(q), reference).f1 for q, reference in REFERENCES.items()]
    assert max(scores) < 0.35


def test_references_come_from_a_file_that_run_reads(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text("question_text,original_answer\nWhy?,Because.\nWho?,\n")
    assert load_references(file) == {"Why?": "Because."}
    file.write_text("question_text,original_answer\nWho?,\n")
    with pytest.raises(InputError, match="no question with a reference"):
        load_references(file)


async def test_the_server_knows_a_question_behind_an_instruction() -> None:
    server = FakeModelServer(answers=ReferenceAnswers({"Why  so?": "Because."}, 1.0))
    question_of = server.serving.question_of
    assert question_of("Answer briefly.\n\nWhy so?") == "Why so?"
    assert question_of("Answer briefly.\n\nWhy not?") == "Answer briefly.\n\nWhy not?"

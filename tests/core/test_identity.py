"""Who a question is: the same words, reference and model, wherever and whenever they are asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.identity import RunRows, fresh_id, idempotent_id, normalise, question_id
from app.files import QuestionRow

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
PARIS = "What is the capital of France?"


def row(text: str, reference: str | None = None, **metadata: Any) -> QuestionRow:
    return QuestionRow(1, text, reference, metadata)


def test_a_row_s_key_does_not_depend_on_where_it_stands() -> None:
    rows = [row("One?"), row("Two?", "2"), row("Two?", "2", source="b"), row("Two?", "2")]
    before, after = RunRows("run-1"), RunRows("run-1")
    keys = [before.key(each) for each in rows]
    assert len(set(keys)) == 4, "equal rows of a run are questions of their own"
    assert [after.key(each) for each in [row("New?"), *rows[1:]]][1:] == keys[1:]
    assert RunRows("run-2").key(rows[0]) != keys[0]


def test_ids_are_pinned_because_stored_questions_are_known_by_them() -> None:
    assert question_id(PARIS, "Paris", "m") == "90bb4e8c-7ee9-58cf-a111-eb7e1476a7af"
    assert question_id(PARIS, None, "m") == "fbab12c5-4eb3-5992-8fb6-750a3407ca1c"
    assert idempotent_id("key-1") == "2bcdf6cd-8e81-5bd0-acc5-f67b8186c3dd"
    assert RunRows("run-1").key(row(PARIS)) == "928a8a26-688a-5e47-abf7-4403e1eb9dda"


@pytest.mark.parametrize(
    "same",
    [
        "  What is the capital\tof France? ",
        "What is\n\nthe capital of France?",
        "What is the\u00a0capital of France?",
    ],
)
def test_white_space_does_not_make_another_question(same: str) -> None:
    assert question_id(same, " Paris\n", "m") == question_id(PARIS, "Paris", "m")


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert question_id("caf\u00e9", None, "m") == question_id("cafe\u0301", None, "m")


@pytest.mark.parametrize(
    "other",
    [
        (PARIS.lower(), "Paris", "m"),
        (PARIS, "paris", "m"),
        (PARIS, None, "m"),
        (PARIS, "", "m"),
        (PARIS, "Paris", "n"),
        (PARIS + '","Paris', None, "m"),
    ],
)
def test_case_reference_and_model_make_another_question(other: tuple[str, str | None, str]) -> None:
    assert question_id(*other) != question_id(PARIS, "Paris", "m")


@given(TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(TEXT, st.none() | TEXT, TEXT)
def test_an_id_is_a_uuid_of_version_5(text: str, reference: str | None, model: str) -> None:
    assert UUID(question_id(text, reference, model)).version == 5


@given(TEXT)
def test_the_kinds_of_id_never_meet(text: str) -> None:
    ids = {question_id(text, None, ""), idempotent_id(text), RunRows("").key(row(text))}
    assert len(ids) == 3


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80))
def test_a_fresh_id_is_a_uuid_7_of_its_time(milliseconds: int, bits: int) -> None:
    found = UUID(fresh_id(milliseconds, bits))
    assert found.version == 7
    assert found.variant == "specified in RFC 4122"
    assert found.int >> 80 == milliseconds


def test_fresh_ids_sort_by_time_and_use_all_random_bits() -> None:
    assert fresh_id(1, 2**74 - 1) < fresh_id(2, 0)
    assert len({fresh_id(1, 1 << bit) for bit in range(74)}) == 74

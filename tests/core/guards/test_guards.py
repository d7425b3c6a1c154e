"""The guards together: their names, the setting, and what holds for each of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.guards import (
    DEFAULT_GUARDS,
    GUARDS,
    Evidence,
    guard_of,
    guards_of,
    object_to,
    objections,
)

_PIECES = st.sampled_from(
    [
        *("no", "not", "¿", "?", "1.000", "1,5", "12:99", "100 %", "10", "^", "x", "million"),
        *("and a half", "y media", "I can't", "lo siento", "```", "\n1. ", "twenty", "-", "two"),
        *("\u0661\u0662", "\u00b2", "0", "00", "9" * 5_000),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(_PIECES, max_size=12).map(" ".join))
EVIDENCE = st.builds(
    Evidence, TEXTS, TEXTS, st.none() | TEXTS, st.sampled_from([None, "stop", "length", "?"])
)


@given(EVIDENCE)
def test_no_text_makes_a_guard_raise_and_reasons_fit_their_place(evidence: Evidence) -> None:
    for found in objections(evidence, GUARDS):
        assert guard_of(found.why) == found.guard
        assert len(found.why) < 500
        assert "\x00" not in found.why


@example("0. ", "When?")
@given(TEXTS.filter(str.strip), TEXTS)
def test_an_answer_that_is_its_reference_gets_no_objection_that_needs_one(
    text: str, question: str
) -> None:
    evidence = Evidence(text, question, text, "stop")
    needing_a_reference = ("numbers_changed", "numbers_missing", "negation")
    assert objections(evidence, needing_a_reference) == []


def test_guards_that_compare_keep_quiet_without_a_reference() -> None:
    evidence = Evidence("No, there are 9.", "How many planets are there?", None, "stop")
    assert objections(evidence, GUARDS) == []


def test_only_named_guards_are_asked_and_empty_always() -> None:
    refusal = Evidence("I'm sorry, but I can't help with that.", "Why?", None)
    assert object_to(refusal, ("echo",)) is None
    found = object_to(refusal, ("refusal",))
    assert found is not None
    assert found.guard == "refusal"
    blank = object_to(Evidence(" \n", "Why?"), ())
    assert blank == ("empty", "the answer is blank")


def test_a_long_answer_is_looked_at_in_bounded_time() -> None:
    long = "1 2 3 no sé " * 100_000
    assert objections(Evidence(long, "Why is it?", "No."), GUARDS) == []


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("all", tuple(GUARDS)),
        ("none", ()),
        (" echo, refusal ,echo", ("echo", "refusal")),
        (",".join(DEFAULT_GUARDS), DEFAULT_GUARDS),
    ],
)
def test_the_setting_names_them(value: str, names: tuple[str, ...]) -> None:
    assert guards_of(value) == names


@pytest.mark.parametrize("value", ["", ",", "numbers", "all,echo", "none,echo"])
def test_an_unknown_name_is_refused_with_those_there_are(value: str) -> None:
    with pytest.raises(ValueError, match=r"unknown guard .*numbers_changed, numbers_missing"):
        guards_of(value)


@pytest.mark.parametrize(
    "why", ["f1 0.5 < 0.75", "no reference answer was given", "a guard echo: "]
)
def test_other_clauses_name_no_guard(why: str) -> None:
    assert guard_of(why) is None

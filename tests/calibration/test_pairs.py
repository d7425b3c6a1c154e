"""Which pairs are made of known answers."""

from __future__ import annotations

from app.calibration.pairs import UNRELATED_EACH, Kind, Known, pairs_of
from app.calibration.sampling import built_in_sample


def known(line: int, answer: str, *, good: bool = True, language: str = "en") -> Known:
    return Known(line, f"Question {line}?", f"Reference {line}.", answer, good, language)


def test_unrelated_pairs_keep_language_and_half_and_never_meet_their_own_reference() -> None:
    pairs = pairs_of(built_in_sample().known)
    own = {(p.candidate, p.reference) for p in pairs if p.kind is Kind.GOOD}
    place = {p.reference: (p.language, p.half) for p in pairs if p.kind is Kind.GOOD}
    unrelated = [p for p in pairs if p.kind is Kind.UNRELATED]
    assert len(unrelated) == UNRELATED_EACH * 96
    assert not own & {(p.candidate, p.reference) for p in unrelated}
    assert all(place[p.reference] == (p.language, p.half) for p in unrelated)
    assert len({(p.candidate, p.reference) for p in unrelated}) == len(unrelated)


def test_both_answers_to_a_question_are_in_one_half_and_the_halves_are_equal() -> None:
    good = [p for p in pairs_of(built_in_sample().known) if p.kind is Kind.GOOD]
    halves = {p.source: p.half for p in good}
    assert all(halves[p.source] == p.half for p in good)
    assert sorted(halves.values()).count(0) == 24
    spanish = {p.source: p.half for p in good if p.language == "es"}
    assert sorted(spanish.values()) == [0] * 7 + [1] * 7


def test_the_seed_decides() -> None:
    sample = built_in_sample().known
    assert pairs_of(sample, 1) == pairs_of(sample, 1)
    assert pairs_of(sample, 1) != pairs_of(sample, 2)


def test_labelled_answers_stay_what_they_are_and_nothing_is_made_of_bad_ones() -> None:
    answers = [known(n, f"It is {n}0 km.", good=n % 2 == 0) for n in range(10)]
    pairs = pairs_of(answers)
    assert sum(p.kind is Kind.BAD for p in pairs) == 5
    made = [p for p in pairs if p.kind not in (Kind.GOOD, Kind.BAD)]
    assert {p.line % 2 for p in made} == {0}
    assert {p.kind for p in made} == {Kind.UNRELATED, Kind.NEGATED, Kind.NUMBERS_CHANGED}


def test_equal_references_are_one_question_however_they_are_spaced() -> None:
    answers = [
        Known(n, "", " ".join(["The", "  " * n, "same"]), f"answer {n}", good=True, language="en")
        for n in range(6)
    ]
    assert {p.kind for p in pairs_of(answers)} <= {Kind.GOOD, Kind.NEGATED, Kind.NUMBERS_CHANGED}


def test_a_lonely_language_gets_no_pairs_with_another() -> None:
    answers = [known(n, "Portugal", language="es" if n else "fr") for n in range(5)]
    of_french = [p for p in pairs_of(answers) if p.language == "fr"]
    assert [p.kind for p in of_french] == [Kind.GOOD]

"""The quality gate and the verdicts that follow from it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.gate import Gate, Metric, Score, ScorerName, judge_score
from app.core.guards import Objection
from app.core.judging import ZERO, Next, gate_for, needs_score, verdict, what_next
from app.core.lifecycle import Status

GATE = Gate(threshold=0.75)


def score(value: float) -> Score:
    return Score(value, value, value)


@pytest.mark.parametrize(
    ("value", "passed"),
    [(0.75, True), (math.nextafter(0.75, 0), False), (1.0, True), (-0.2, False)],
)
def test_at_the_threshold_is_a_pass_and_a_hair_below_is_not(value: float, passed: bool) -> None:
    assert judge_score(GATE, score(value)).passed is passed


@pytest.mark.parametrize("metric", list(Metric))
def test_only_the_chosen_metric_counts(metric: Metric) -> None:
    high = {"precision": 0.1, "recall": 0.1, "f1": 0.1} | {metric.value: 0.9}
    low = {"precision": 0.9, "recall": 0.9, "f1": 0.9} | {metric.value: 0.1}
    assert judge_score(Gate(0.75, metric), Score(**high)).passed
    assert not judge_score(Gate(0.75, metric), Score(**low)).passed


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["precision", "recall", "f1"])
def test_what_is_no_number_is_no_score(bad: float, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Score(**{"precision": 0.5, "recall": 0.5, "f1": 0.5} | {field: bad})


def test_the_verdict_says_why_in_figures() -> None:
    assert judge_score(GATE, score(0.5)).why == "f1 0.500 < 0.750"
    assert judge_score(GATE, score(0.8)).why == "f1 0.800 >= 0.750"


SPANISH = "La capital de Francia es París, que está en el norte del país y es muy antigua."


def test_a_language_with_a_threshold_of_its_own_is_judged_by_it() -> None:
    gate = Gate(0.7, Metric.RECALL, "profile p", (("en", 0.4), ("es", 0.6)))
    spanish = gate_for(gate, "", SPANISH)
    assert (spanish.threshold, spanish.source, spanish.language) == (0.6, "profile p, es", "es")
    assert judge_score(spanish, score(0.65)).why == ("recall 0.650 >= 0.600, the threshold for es")
    # Too short to tell alone; with its question it is not; a question that names one tells nothing.
    assert gate_for(gate, "", "París.") is gate
    assert gate_for(gate, "¿Cuál es la capital de Francia y dónde está?", "París.") == spanish
    assert gate_for(gate, "¿Cómo se dice en inglés la capital de este país?", "Paris.") is gate
    assert gate_for(gate, "", "Столица Франции называется Париж") is gate
    assert gate_for(GATE, "", SPANISH) is GATE
    assert gate.words == "recall >= 0.7, en 0.4, es 0.6 (profile p)"


@pytest.mark.parametrize("answer", ["", " ", "\n\t", "\u00a0"])
def test_an_empty_answer_never_passes_and_is_never_scored(answer: str) -> None:
    assert not needs_score(answer, "a reference")
    status, found, why = verdict(answer, "a reference", None, GATE)
    assert (status, found) == (Status.LOW_QUALITY, ZERO)
    assert why == "guard empty: the answer is blank"
    assert verdict(answer, None, None, GATE)[0] is Status.LOW_QUALITY


@pytest.mark.parametrize("reference", [None, "", "  \n"])
def test_without_a_reference_an_answer_is_unscored(reference: str | None) -> None:
    assert not needs_score("an answer", reference)
    status, found, _ = verdict("an answer", reference, None, GATE)
    assert (status, found) == (Status.UNSCORED, None)


@pytest.mark.parametrize("value", [1.0, 0.0])
def test_an_objection_outweighs_the_score_and_keeps_it(value: float) -> None:
    objection = Objection("numbers_changed", "the reference says 8, the answer 6")
    status, found, why = verdict("Six.", "Eight.", score(value), GATE, objection)
    assert (status, found) == (Status.LOW_QUALITY, score(value))
    sign = ">=" if value else "<"
    assert why == (
        f"guard numbers_changed: the reference says 8, the answer 6 (f1 {value:.3f} {sign} 0.750)"
    )


def test_an_objection_makes_an_answer_without_a_reference_weak_not_unscored() -> None:
    objection = Objection("refusal", "the model declines to answer")
    status, found, why = verdict("I can't help.", None, None, GATE, objection)
    assert (status, found) == (Status.LOW_QUALITY, None)
    assert why == "guard refusal: the model declines to answer"


@given(st.floats(-1, 1))
def test_a_scored_answer_is_validated_or_low_quality_by_the_gate_alone(value: float) -> None:
    status, found, why = verdict("an answer", "a reference", score(value), GATE)
    assert (status is Status.VALIDATED) == (value >= 0.75)
    assert status in {Status.VALIDATED, Status.LOW_QUALITY}
    assert found == score(value)
    assert why


@pytest.mark.parametrize("status", [Status.VALIDATED, Status.UNSCORED])
@given(generation=st.integers(1, 10_000), most=st.integers(1, 100))
def test_what_is_not_weak_is_accepted(status: Status, generation: int, most: int) -> None:
    assert what_next(status, generation, most) is Next.ACCEPT


@given(generation=st.integers(1, 10_000), most=st.integers(1, 100))
def test_a_weak_answer_is_asked_again_only_below_the_limit(generation: int, most: int) -> None:
    expected = Next.ASK_AGAIN if generation < most else Next.END_WITH_BEST
    assert what_next(Status.LOW_QUALITY, generation, most) is expected


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("minilm-l6:6", ("minilm-l6", 6, False)),
        ("roberta-large:17:rescaled", ("roberta-large", 17, True)),
        ("mine", ("mine", None, False)),
        ("mine:rescaled", ("mine", None, True)),
    ],
)
def test_a_scorers_name_tells_model_layer_and_rescaling(
    name: str, parts: tuple[str, int | None, bool]
) -> None:
    found = ScorerName.of(name)
    assert (found.model, found.layer, found.rescaled) == parts

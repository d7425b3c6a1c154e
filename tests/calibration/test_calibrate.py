"""What is measured, recommended and warned of, and the profile that comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.calibration.calibrate import LEAST_PAIRS, calibrate
from app.calibration.documents import as_json, profile_of, profile_text
from app.calibration.measure import measure
from app.calibration.pairs import Kind
from app.calibration.statistics import Rate
from app.config.gate import gate_in_force, read_profile
from app.core.gate import Gate, Metric, Score
from app.errors import InputError, SettingsError
from app.settings import load_settings
from tests.calibration.known import apart, calibration, pair, sample, scored


def test_a_threshold_is_tried_on_the_half_that_it_was_not_chosen_on() -> None:
    """Half 0 has bad pairs to 0.5, half 1 to 0.7: each half's threshold is worth what the other
    half says, not what its own does."""
    bad = [
        each._replace(pair=pair(Kind.UNRELATED, n))
        for n, each in enumerate(scored(Kind.UNRELATED, [0.5, 0.7] * 10))
    ]
    good = scored(Kind.GOOD, [0.6, 0.6, 0.9, 0.9] * 5)
    whole = measure(Metric.RECALL, [*good, *bad], 0.01, 1).whole
    assert whole.threshold == 0.701
    assert whole.bad == Rate(0, 20)
    assert whole.tried is not None
    assert whole.tried.thresholds == (0.501, 0.701)
    # at 0.501 all of half 1's bad pass, at 0.701 none of half 0's
    assert whole.tried.bad == Rate(10, 20)
    # at 0.501 all good of half 1 pass, at 0.701 half of half 0's
    assert whole.tried.good == Rate(15, 20)


def test_the_metric_that_passes_most_good_pairs_held_out_is_recommended() -> None:
    pairs = [each._replace(score=Score(0.5, each.score.recall, 0.45)) for each in apart()]
    found = calibration(pairs)
    assert found.metric is Metric.RECALL
    assert 0.5 < found.threshold < 0.7
    assert found.recommended.whole.area is not None
    assert found.recommended.whole.area > 0.99
    assert not found.warnings


def test_labelled_bad_pairs_are_those_that_must_not_pass() -> None:
    pairs = [*apart(), *scored(Kind.BAD, [0.75] * 20)]
    found = calibration(pairs, rate=0.1)
    assert found.negative is Kind.BAD
    recall = next(each for each in found.metrics if each.metric is Metric.RECALL)
    assert recall.whole.threshold == 0.751
    assert recall.passing[Kind.BAD].score == Rate(0, 20)
    assert recall.whole.bad_pairs == 20


def test_languages_have_their_own_figures_and_the_common_threshold_is_told_of_each() -> None:
    spanish = [
        each._replace(pair=pair(each.pair.kind, each.pair.source + 100, language="es"))
        for each in apart(20, 100, seed=2)
    ]
    lifted = [
        each._replace(
            score=Score(each.score.precision + 0.2, each.score.recall + 0.2, each.score.f1 + 0.2)
        )
        if each.pair.kind is Kind.UNRELATED
        else each
        for each in spanish
    ]
    found = calibration([*apart(), *lifted])
    figures = next(each for each in found.metrics if each.metric is Metric.RECALL)
    assert set(figures.languages) == {"en", "es"}
    english, other = figures.languages["en"].threshold, figures.languages["es"].threshold
    assert english is not None
    assert other is not None
    assert other > english + 0.1
    assert found.recommended.passing_by_language["es"][Kind.UNRELATED].score.passed > 1
    assert any("language es" in each for each in found.warnings)


def test_what_guards_add_is_told_by_kind() -> None:
    unseen = scored(Kind.NEGATED, [0.9] * 6)
    seen = scored(Kind.NEGATED, [0.9] * 4, guard="negation")
    found = calibration([*apart(), *unseen, *seen])
    negated = found.recommended.passing[Kind.NEGATED]
    assert (negated.score, negated.objected, negated.both) == (
        Rate(10, 10),
        Rate(4, 10),
        Rate(6, 10),
    )
    assert [each.pair.kind for each in found.unnoticed()] == [Kind.NEGATED] * 6


def test_the_worst_pairs_are_told_lowest_good_and_highest_bad_first() -> None:
    odd = [*scored(Kind.GOOD, [0.2, 0.1, 0.3]), *scored(Kind.UNRELATED, [0.95])]
    found = calibration([*apart(), *odd])
    assert [each.score.recall for each in found.failing_good()][:3] == [0.1, 0.2, 0.3]
    assert found.passing_bad()[0].score.recall == 0.95


@pytest.mark.parametrize(("good", "bad"), [(LEAST_PAIRS - 1, 300), (60, LEAST_PAIRS - 1), (60, 0)])
def test_too_few_pairs_are_refused_with_the_number_needed(good: int, bad: int) -> None:
    with pytest.raises(InputError, match=f"{good} good and {bad} unrelated .* takes 300 pairs"):
        calibration(apart(good, bad))


def test_fewer_pairs_than_the_rate_takes_are_a_warning_with_the_number() -> None:
    [warning] = calibration(apart(60, 100)).warnings
    assert "300 unrelated pairs (3 / rate), and there are 100" in warning
    assert "may still be 3.7 %" in warning  # Wilson's upper end of 0 in 100
    assert "75 good answers" in warning
    assert not calibration(apart(60, 100), rate=0.05).warnings


def test_answers_of_a_run_without_labels_are_a_warning() -> None:
    answers = sample()
    assert not calibrate(answers, apart(), [], scorer="s", library="", guards=()).warnings
    answers.unchecked = True
    [warning] = calibrate(answers, apart(), [], scorer="s", library="", guards=()).warnings
    assert "Add a column label" in warning


def test_a_gate_that_fails_many_good_answers_is_a_warning() -> None:
    mixed = [*scored(Kind.GOOD, [0.5, 0.9] * 30), *scored(Kind.UNRELATED, [0.6] * 400)]
    assert any("hardly tells" in each for each in calibration(mixed).warnings)


def test_the_profile_goes_to_a_file_and_puts_the_gate_in_force(tmp_path: Path) -> None:
    found = calibration(apart())
    path = tmp_path / "mine.json"
    path.write_text(profile_text(profile_of(found)), encoding="utf-8")
    gate = gate_in_force(load_settings(quality_profile=str(path)))
    assert gate == Gate(found.threshold, found.metric, "profile mine")
    profile = read_profile(path)
    assert (profile.scorer, profile.library) == ("minilm-l6:6", "bert-score 0.3.13")
    measured = json.loads(path.read_bytes())["measured"]
    assert measured["pairs"] == {"good": 60, "unrelated": 400}
    assert measured["false_pass_rate"] == 0.01
    assert measured["held_out"]["good_passed"]["count"] == 60
    assert measured["at"].endswith("Z")
    with pytest.raises(SettingsError, match="overlap:0 is in force"):
        gate_in_force(load_settings(quality_profile=str(path), scorer="memory:"))


def test_all_figures_go_into_json_with_nothing_left_out() -> None:
    found = as_json(calibration(apart()))
    assert json.loads(json.dumps(found)) == found
    assert set(found["metrics"]) == {"f1", "recall", "precision"}
    recall = found["metrics"]["recall"]
    assert set(recall["quantiles"]["good"]) == {"0", "0.05", "0.25", "0.5", "0.75", "0.95", "1"}
    assert recall["roc_area_interval"][0] <= recall["roc_area"] <= recall["roc_area_interval"][1]
    assert recall["passing"]["unrelated"]["by_score"]["count"] == 400

"""Two runs compared: joined rightly, counted rightly, worded honestly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.statistics import mcnemar_exact
from app.errors import InputError
from app.files import write_results
from app.quality_report.compare import page
from app.quality_report.compare.as_json import as_json
from app.quality_report.compare.comparison import Comparison
from app.quality_report.compare.pairs import Joined, Pair
from app.quality_report.table import Chosen
from tests.quality_report.samples import hostile_results, result

Results = list[dict[str, Any]]


def written(folder: Path, name: str, results: Results) -> Path:
    path = folder / name
    write_results(path, results)
    return path


def compared(
    folder: Path, before: Results, after: Results, join: str | None = None, suffix: str = ".jsonl"
) -> tuple[Comparison, list[Pair], str]:
    joined = Joined(
        written(folder, f"before{suffix}", before), written(folder, f"after{suffix}", after), join
    )
    comparison, chosen, pairs = Comparison(joined), Chosen(), []
    for pair in joined.pairs():
        labels = comparison.add(pair)
        chosen.add(page.urgency(pair), page.table_row(pair, labels, one_gate=joined.one_gate))
        pairs.append(pair)
    return comparison, pairs, page.render(comparison, chosen, 0.0)


def scored(number: int, score: float, **more: Any) -> dict[str, Any]:
    return result(number, "validated" if score >= 0.5 else "low_quality", score, **more)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_the_figures_are_those_worked_out_by_hand(tmp_path: Path, suffix: str) -> None:
    """Eight fail and pass then, one the other way round, eleven stay as they are."""
    before = [scored(n, 0.4 if n < 8 else 0.6) for n in range(20)]
    after = [scored(n, 0.6 if n != 8 else 0.45) for n in range(20)]
    comparison, _, _ = compared(tmp_path, before, after, suffix=suffix)
    found = as_json(comparison)
    assert (found["better"], found["worse"], found["judged"]) == (8, 1, 20)
    assert found["pass_share"] == {"before": 12 / 20, "after": 19 / 20}
    assert found["mcnemar_p"] == pytest.approx(2 * (1 + 9) / 2**9) == mcnemar_exact(8, 1)
    assert found["mean_change"] == pytest.approx((8 * 0.2 - 0.15) / 20)
    low, high = found["mean_change_interval"]
    assert 0 < low < found["mean_change"] < high
    # Nine changes; the one down is the smallest: rank 1 of 9, so 2 ways of 2^9 on each side.
    assert found["wilcoxon_p"] == pytest.approx(2 * 2 / 2**9)
    assert comparison.findings()[0].startswith("Significantly more answers pass: 8 better, 1 worse")
    assert comparison.findings()[1].startswith("Scores are significantly higher")


def test_the_same_run_twice_differs_in_nothing(tmp_path: Path) -> None:
    results = [scored(n, n / 20) for n in range(20)]
    noise = [scored(n, n / 20 + 0.00005) for n in range(20)]
    comparison, pairs, source = compared(tmp_path, results, noise)
    assert {pair.verdict for pair in pairs} == {"same"}
    assert {pair.change for pair in pairs} == {0.0}
    assert all("No significant difference" in said for said in comparison.findings())
    assert "0 better, 0 worse" in source


def test_rows_are_joined_by_text_whatever_their_order_and_ids(tmp_path: Path) -> None:
    before = [scored(n, 0.6, question_id=f"a{n}") for n in range(5)]
    after = [scored(n, 0.7, question_id=f"b{n}") for n in (4, 2, 0, 9)]
    after[1]["question_text"] = "  Question \n 2?"
    comparison, pairs, _ = compared(tmp_path, before, after)
    assert [pair.row.question_id for pair in pairs] == ["b4", "b2", "b0"]
    assert (comparison.joined.only_before, comparison.joined.only_after) == (2, 1)
    assert "2 rows of the first run, 1 of the second" in comparison.warnings()[0]


def test_equal_rows_pair_in_their_order(tmp_path: Path) -> None:
    before = [scored(1, 0.1, answer="first"), scored(1, 0.2, answer="second")]
    after = [scored(1, 0.3), scored(1, 0.4), scored(1, 0.5)]
    comparison, pairs, _ = compared(tmp_path, before, after)
    assert [pair.before.answer for pair in pairs] == ["first", "second"]
    assert comparison.joined.only_after == 1


def test_rows_are_joined_by_metadata_or_id(tmp_path: Path) -> None:
    before = [scored(n, 0.6, metadata={"row": n}) for n in range(3)]
    after = [scored(n + 100, 0.7, metadata={"row": n}) for n in range(3)]
    _, pairs, _ = compared(tmp_path, before, after, "row")
    assert len(pairs) == 3
    assert compared(tmp_path, before, before, "id")[0].all.questions == 3
    with pytest.raises(InputError, match="no metadata 'line'"):
        compared(tmp_path, before, after, "line")


def test_scores_of_two_scorers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not comparable.*s:1.*roberta-large:17"):
        compared(tmp_path, [scored(1, 0.6)], [scored(1, 0.9, scorer="roberta-large:17")])


def test_with_two_thresholds_only_scores_are_compared(tmp_path: Path) -> None:
    before = [scored(n, 0.6) for n in range(20)]
    after = [result(n, "low_quality", 0.65, threshold=0.7) for n in range(20)]
    comparison, _, source = compared(tmp_path, before, after)
    found = as_json(comparison)
    assert (found["better"], found["worse"], found["mcnemar_p"]) == (None, None, None)
    assert found["mean_change"] == pytest.approx(0.05)
    assert "verdicts are not comparable" in comparison.warnings()[0]
    assert len(comparison.findings()) == 1
    assert "20 questions under two gates" in source
    assert ">worse<" not in source.partition('id="questions"')[2]


def by_language(number: int, score: float) -> dict[str, Any]:
    """Return a result of a profile with a threshold of its own for each of two languages."""
    threshold = 0.377 if number % 2 else 0.53
    status = "validated" if score >= threshold else "low_quality"
    return result(number, status, score, threshold=threshold)


def test_one_profile_with_a_threshold_for_each_language_is_one_gate(tmp_path: Path) -> None:
    before = [by_language(n, 0.6) for n in range(20)]
    after = [by_language(n, 0.3 if n < 8 else 0.6) for n in reversed(range(20))]
    after[0] = result(19, "dead")  # says nothing of a threshold
    after.append(result(99, "validated", 0.9, threshold=0.1))  # has no partner
    comparison, _, source = compared(tmp_path, before, after)
    found = as_json(comparison)
    assert (found["one_gate"], found["better"], found["worse"]) == (True, 0, 8)
    assert not any("differ" in said for said in comparison.warnings())
    assert "0 better, 8 worse" in source


def test_one_pair_under_two_thresholds_is_enough_that_verdicts_are_not_compared(
    tmp_path: Path,
) -> None:
    before = [*(by_language(n, 0.6) for n in range(4)), by_language(1, 0.6)]
    after = [*(by_language(n, 0.6) for n in range(4)), by_language(1, 0.6) | {"threshold": 0.4}]
    assert compared(tmp_path, before, before)[0].joined.one_gate
    assert not compared(tmp_path, before, after)[0].joined.one_gate
    other = [each | {"metric": "recall"} for each in before]
    assert not compared(tmp_path, before, other)[0].joined.one_gate


def test_what_died_is_no_worse_quality(tmp_path: Path) -> None:
    before = [scored(1, 0.9), scored(2, 0.9), result(3, "unscored")]
    after = [result(1, "dead"), scored(2, 0.2), result(3, "unscored")]
    comparison, pairs, _ = compared(tmp_path, before, after)
    assert [pair.verdict for pair in pairs] == ["not judged", "worse", "not judged"]
    assert "2 questions died" in comparison.warnings()[0]
    assert comparison.all.judged == 1


def test_a_group_that_changed_stands_out_after_correction(tmp_path: Path) -> None:
    def results(spanish: float) -> Results:
        return [
            scored(
                n, spanish if n % 3 == 0 else 0.8, metadata={"lang": "es" if n % 3 == 0 else "en"}
            )
            for n in range(60)
        ]

    comparison, _, source = compared(tmp_path, results(0.3), results(0.8))
    clear = [each for each in comparison.groups() if each.p_value < 0.05]
    assert ("metadata: lang", "es") in [(each.dimension, each.value) for each in clear]
    assert ("metadata: lang", "en") not in [(each.dimension, each.value) for each in clear]
    assert "<b>p &lt; 0.001</b>" in source


def test_h4_hostile_texts_are_texts(tmp_path: Path) -> None:
    results = [each | {"scorer": "s:1", "metric": "f1"} for each in hostile_results()]
    _, pairs, source = compared(tmp_path, results, results)
    assert len(pairs) == len(results)
    assert source.count("<script") == 2
    assert "<img" not in source
    data = source.partition('id="data">')[2].partition("</script>")[0]
    assert len(json.loads(data)["rows"]) == len(results)


def test_nothing_in_common(tmp_path: Path) -> None:
    comparison, _, source = compared(tmp_path, [scored(1, 0.6)], [scored(2, 0.6)])
    assert comparison.findings() == []
    assert "No question in common" in source

"""The figures, against a plain recount of the same results."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from statistics import fmean, quantiles
from typing import Any

import pytest

from app.core.lifecycle import Status
from app.core.statistics import quantile
from app.quality_report.as_json import as_json
from app.quality_report.groups import MOST_KEYS, MOST_VALUES, length_label
from tests.quality_report.samples import ABOUT, attempt, random_results, report_of, result


def figures(results: list[dict[str, Any]]) -> dict[str, Any]:
    return as_json(report_of(results).figures, ABOUT)


def wilson_by_hand(k: int, n: int) -> list[float]:
    """Solve (share - p)^2 = z^2 p (1 - p) / n for p."""
    z = 1.959963984540054
    a, b, c = 1 + z * z / n, -(2 * k / n + z * z / n), (k / n) ** 2
    root = sqrt(b * b - 4 * a * c)
    return [(-b - root) / (2 * a), (-b + root) / (2 * a)]


def test_everything_is_what_a_recount_says() -> None:
    results = random_results(700)
    found = figures(results)
    counts = Counter(each["status"] for each in results)
    assert found["questions"] == 700
    assert {name: each["questions"] for name, each in found["states"].items()} == counts
    for name, each in found["states"].items():
        assert each["interval"] == pytest.approx(wilson_by_hand(counts[name], 700))
    could = 700 - counts["unscored"]
    assert found["validated_share"]["value"] == counts["validated"] / could
    judged = [each for each in results if each["status"] in ("validated", "low_quality")]
    assert found["pass_share"] == {
        "value": counts["validated"] / len(judged),
        "of": len(judged),
        "interval": pytest.approx(wilson_by_hand(counts["validated"], len(judged))),
    }
    assert found["mean_score"] == pytest.approx(fmean(each["f1"] for each in judged))
    for topic in ("easy", "hard"):
        group = found["groups"]["metadata: topic"][topic]
        mine = [each for each in results if each["metadata"]["topic"] == topic]
        passed = sum(each["status"] == "validated" for each in mine)
        low = sum(each["status"] == "low_quality" for each in mine)
        assert (group["questions"], group["judged"]) == (len(mine), passed + low)
        assert group["pass_share"] == passed / (passed + low)
    for generation in found["generations"]:
        n = generation["generation"]
        ended = [each for each in results if each["status"] != "unscored"]
        assert generation["asked"] == sum(each["generation"] >= n for each in ended)
        passed = sum(each["status"] == "validated" and each["generation"] == n for each in ended)
        assert generation["passed"] == passed
    assert found["calls"] == sum(each["generation"] for each in results)
    assert found["costs"]["total"]["tokens"] == 10 * found["calls"]
    assert found["wall_seconds"] == 10


def test_the_group_that_is_weak_is_found_and_no_other() -> None:
    found = figures(random_results(700))
    assert [(each["dimension"], each["value"]) for each in found["weak"]["groups"]] == [
        ("metadata: topic", "hard")
    ]
    same = [
        each | {"metadata": {"topic": "ab"[n % 2]}} for n, each in enumerate(random_results(700))
    ]
    assert figures(same)["weak"]["groups"] == []


def test_percentiles_and_waits() -> None:
    seconds = [float(n) for n in range(1, 101)]
    results = [
        result(
            n,
            "validated",
            0.9,
            attempts=[
                attempt(1, cause="overload", seconds=None),
                attempt(1, attempt=2, answer="a", seconds=each, waited_seconds=each / 10),
            ],
        )
        for n, each in enumerate(seconds)
    ]
    found = figures(results)
    calls = found["call_seconds"]
    assert calls["p50"] == 50.5
    cuts = quantiles(seconds, n=100, method="inclusive")
    assert (calls["p90"], calls["p99"]) == (pytest.approx(cuts[89]), pytest.approx(cuts[98]))
    assert calls["longest"] == 100
    assert found["waits"]["overload"]["count"] == 100
    assert found["waits"]["overload"]["sum"] == pytest.approx(sum(seconds) / 10)
    assert found["failed_calls"] == {"overload": 100}
    assert quantile([0.0, 10.0], 0.25) == 2.5


@pytest.mark.parametrize("results", [[], [result(1, "dead")], [result(1, "unscored")]])
def test_nothing_that_passed_is_no_share(results: list[dict[str, Any]]) -> None:
    found = figures(results)
    assert found["pass_share"] == {"value": None, "of": 0, "interval": None}
    assert found["mean_score"] is None
    assert found["weak"]["tested"] == 0
    assert found["validated_share"]["value"] == (
        0.0 if found["states"]["dead"]["questions"] else None
    )


def test_what_has_not_ended_counts_against_the_validated_share_alone() -> None:
    report = report_of([result(1, "validated", 0.9), result(2, "asking"), result(3, "dead")])
    assert report.figures.validated_of == (1, 3)
    assert report.figures.unfinished == 1
    assert report.figures.all.pass_share == 1.0
    assert report.figures.share(Status.VALIDATED) is not None


def test_metadata_of_any_kind_takes_bounded_room() -> None:
    results = [
        result(
            n,
            "validated",
            0.9,
            metadata={"id": n, f"key{n}": "x", "few": n % 3, "flag": n % 2 == 0},
        )
        for n in range(500)
    ]
    groups = report_of(results).figures.groups
    assert {name for name, _ in groups.dimensions()} >= {"metadata: few", "metadata: flag"}
    assert "metadata: id" not in {name for name, _ in groups.dimensions()}
    assert len(groups._tallies) <= MOST_KEYS + 5
    assert all(len(values) <= MOST_VALUES for values in groups._tallies.values())
    assert len(groups._dropped) <= 5


def test_a_generation_that_is_none_breaks_nothing() -> None:
    made = [result(n, "validated", 0.9, generation=n, attempts=[]) for n in (-1, 0, 1, 10**9)]
    found = figures(made)
    assert found["generations"][0] == {"generation": 1, "asked": 4, "passed": 3, "mean_score": None}
    assert len(found["generations"]) == 100


def test_lengths_have_no_gap() -> None:
    labels = [length_label("x" * n) for n in (1, 20, 21, 50, 51, 1_000, 1_001)]
    assert labels == [
        *("up to 20", "up to 20", "21 to 50", "21 to 50", "51 to 100"),
        *("501 to 1,000", "over 1,000"),
    ]


def test_mixed_gates_are_said() -> None:
    mixed = [result(1, "validated", 0.9), result(2, "validated", 0.9, scorer="t:1")]
    assert "not comparable" in figures(mixed)["warnings"][0]
    moved = [result(1, "validated", 0.9), result(2, "validated", 0.9, threshold=0.6)]
    assert "thresholds differ" in figures(moved)["warnings"][0]
    assert figures(moved[:1])["warnings"] == []

"""Figures: one table of names, the same in JSON and in the Prometheus text format."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import COUNTERS, GAUGES, Metrics


def families(metrics: Metrics) -> dict[str, float]:
    text = metrics.as_prometheus().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


def test_the_names_exposed_are_those_of_the_tables_and_the_histogram() -> None:
    text = Metrics().as_prometheus().decode()
    found = {family.name for family in text_string_to_metric_families(text)}
    found = {name.removesuffix("_created") for name in found}
    expected = {f"answerloop_{name}" for name in (*COUNTERS, *GAUGES)}
    assert found == expected | {"answerloop_model_call_seconds"}


def test_json_has_every_counter_and_the_contracts_names_from_the_start() -> None:
    figures = Metrics().as_json()
    assert set(COUNTERS) < set(figures)
    assert [figures[name] for name in ("total_responses", "cache_hits", "db_errors")] == [0, 0, 0]


@pytest.mark.parametrize("name", COUNTERS)
def test_every_counter_counts_in_both_forms(name: str) -> None:
    metrics = Metrics()
    labels = ["x" for _ in COUNTERS[name][1]]
    metrics.count(name, *labels)
    metrics.count(name, *labels, by=2)
    assert metrics.total(name) == metrics.as_json()[name] == 3
    value = metrics.registry.get_sample_value(
        f"answerloop_{name}_total", dict(zip(COUNTERS[name][1], labels, strict=True))
    )
    assert value == 3


def test_total_responses_are_the_questions_that_ended() -> None:
    metrics = Metrics()
    metrics.count("questions_settled", "validated", by=2)
    metrics.count("questions_settled", "dead")
    figures = metrics.as_json()
    assert figures["total_responses"] == 3
    assert figures["settled_by_status"] == {"validated": 2, "dead": 1}


def test_a_gauge_is_read_when_it_is_asked_for() -> None:
    metrics, waits = Metrics(), [1, 2]
    metrics.watch("retries_waiting", lambda: len(waits))
    waits.append(3)
    assert families(metrics)["answerloop_retries_waiting"] == 3


def test_call_lengths_go_into_the_histogram() -> None:
    metrics = Metrics()
    for seconds in (0.01, 3.0, 1000.0):
        metrics.observe_call(seconds)
    found = families(metrics)
    assert found["answerloop_model_call_seconds_count"] == 3
    assert found["answerloop_model_call_seconds_sum"] == pytest.approx(1003.01)


def test_two_engines_in_one_process_do_not_share_their_figures() -> None:
    one, other = Metrics(), Metrics()
    one.count("cache_hits")
    assert (one.total("cache_hits"), other.total("cache_hits")) == (1, 0)


def test_an_unknown_name_is_a_defect_not_a_new_counter() -> None:
    with pytest.raises(KeyError):
        Metrics().count("surprises")


def test_what_two_pipelines_watch_is_added_up_and_the_same_reading_counts_once() -> None:
    metrics = Metrics()

    def lines() -> float:
        return 5

    for value in (1, 2):
        metrics.watch("stuck", lambda value=value: value)
        metrics.watch("log_lines_suppressed", lines)
    assert metrics.as_json()["stuck"] == families(metrics)["answerloop_stuck"] == 3
    assert metrics.as_json()["log_lines_suppressed"] == 5

"""Figures: one table of names, the same in JSON and in the Prometheus text format."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import COUNTERS, GAUGES, SCORE_SERVER_FIGURES, Metrics
from app.metrics_histograms import HISTOGRAMS, Series


def families(metrics: Metrics) -> dict[str, float]:
    text = metrics.as_prometheus().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


def test_the_names_exposed_are_those_of_the_tables() -> None:
    text = Metrics().as_prometheus().decode()
    found = {family.name for family in text_string_to_metric_families(text)}
    found = {name.removesuffix("_created") for name in found}
    assert found == {f"answerloop_{name}" for name in (*COUNTERS, *GAUGES, *HISTOGRAMS)}


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


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_every_histogram_counts_in_both_forms(name: str) -> None:
    metrics, spec = Metrics(), HISTOGRAMS[name]
    label = "x" if spec.label else ""
    metrics.observe(name, 2.0, label, times=3)
    metrics.observe_all(name, [0.0, 10.0], label)
    labels = {spec.label: "x"} if spec.label else {}

    def sample(suffix: str, **more: str) -> float | None:
        return metrics.registry.get_sample_value(f"answerloop_{name}_{suffix}", labels | more)

    assert (sample("count"), sample("sum")) == (5, 16)
    assert [sample("bucket", le=le) for le in ("1.0", "2.5", "+Inf")] == [1, 4, 5]
    figures = metrics.as_json()[name]
    figures = figures["x"] if label else figures
    assert (figures["count"], figures["sum"]) == (5, 16)
    assert 1 < figures["p50"] <= 2.5 < figures["p95"] <= figures["p99"] <= 10


def test_names_of_histograms_end_in_their_unit_and_buckets_reach_the_longest_calls() -> None:
    for name, spec in HISTOGRAMS.items():
        assert name.endswith("_seconds")
        assert list(spec.bounds) == sorted(set(spec.bounds))
        assert spec.bounds[-1] >= 300
    assert HISTOGRAMS["question_seconds"].bounds[-1] == 7 * 86400


def test_percentiles_are_those_that_prometheus_estimates() -> None:
    """As `histogram_quantile` of the same buckets: straight lines within a bucket."""
    series = Series((1.0, 2.0, 4.0))
    assert series.quantile(0.5) == 0.0
    series.add_all([0.5] * 10 + [1.5] * 80 + [3.0] * 10)
    found = [series.quantile(share) for share in (0.05, 0.10, 0.5, 0.95, 1.0)]
    assert found == pytest.approx([0.5, 1.0, 1.5, 3.0, 4.0])
    series.add(1000.0, times=900)
    assert series.quantile(0.99) == 4.0, "what is above all bounds counts as the last one"


def test_a_length_below_zero_is_zero_because_clocks_differ() -> None:
    series = Series((1.0,))
    series.add_all([-5.0])
    series.add(-5.0)
    assert (series.counts, series.sum) == ([2, 0], 0.0)


def test_an_exemplar_names_the_latest_trace_of_its_bucket_in_openmetrics_only() -> None:
    metrics = Metrics()
    for trace_id, seconds in (("a" * 32, 1.5), ("b" * 32, 2.0), ("c" * 32, 200.0)):
        metrics.observe_call(seconds, trace_id=trace_id)
    found = {
        sample.labels["le"]: sample.exemplar.labels["trace_id"]
        for family in parse_openmetrics(metrics.as_openmetrics().decode())
        for sample in family.samples
        if sample.exemplar is not None
    }
    assert found == {"2.5": "b" * 32, "300.0": "c" * 32}
    assert "trace_id" not in metrics.as_prometheus().decode()


def test_a_score_server_has_the_histogram_that_it_fills_only() -> None:
    metrics = Metrics(SCORE_SERVER_FIGURES)
    assert {name for name in HISTOGRAMS if name in metrics.as_json()} == {"http_request_seconds"}
    with pytest.raises(KeyError):
        metrics.observe("stage_seconds", 1.0, "ask")


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

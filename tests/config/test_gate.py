"""Which gate is in force: the shipped profile, a file, or the two settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.config.gate import SHIPPED, gate_by, gate_in_force, gates_by_scorer, words_of_nameless
from app.core.gate import Gate, Metric
from app.errors import SettingsError
from app.settings import load_settings


@pytest.fixture
def profile(tmp_path: Path) -> Any:
    def write(content: str | dict[str, Any]) -> str:
        path = tmp_path / "mine.json"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_by_default_the_shipped_profile_of_the_bundled_scorer_is_in_force() -> None:
    shipped = json.loads(SHIPPED.read_bytes())
    gate = gate_in_force(load_settings())
    assert (gate.threshold, gate.metric) == (shipped["threshold"], Metric(shipped["metric"]))
    assert gate.source == "profile minilm-l6"
    assert 0 < gate.threshold < 1


@pytest.mark.parametrize(
    "settings",
    [
        {"quality_profile": "none"},
        {"scorer": "memory:"},
        {"scorer": "http://h:8000"},
        {"scorer_model": "roberta-large"},
    ],
)
def test_for_another_scorer_or_none_the_two_settings_are(settings: dict[str, str]) -> None:
    chosen = load_settings(quality_metric="recall", **settings)
    assert gate_in_force(chosen) == Gate(0.75, Metric.RECALL, "settings")


@pytest.mark.parametrize("threshold", [0.5, 0.75, 0.0])
def test_setting_the_threshold_switches_every_profile_off(threshold: float, profile: Any) -> None:
    path = profile({"scorer": "x", "metric": "f1", "threshold": 0.1})
    for settings in ({}, {"quality_profile": path}):
        gate = gate_in_force(load_settings(quality_threshold=threshold, **settings))
        assert gate == Gate(threshold, Metric.F1, "settings")


@pytest.mark.parametrize(
    ("scorer", "settings"),
    [
        ("overlap:0", {"scorer": "memory:"}),
        ("minilm-l6:6", {}),
        ("minilm-l6:4", {"scorer_model": "minilm-l6:4"}),
        ("minilm-l6:6", {"scorer": "http://127.0.0.1:9"}),  # it says its name when it is asked
    ],
)
def test_a_file_of_the_scorer_in_force_is_in_force(
    scorer: str, settings: dict[str, str], profile: Any
) -> None:
    path = profile(
        {"scorer": scorer, "metric": "precision", "threshold": 0.4, "measured": {"n": 1}}
    )
    gate = gate_in_force(load_settings(quality_profile=path, **settings))
    assert gate == Gate(0.4, Metric.PRECISION, "profile mine")


def test_a_profile_may_have_thresholds_by_language(profile: Any) -> None:
    own = {"es": 0.5, "en": 0.3}
    path = profile({"scorer": "minilm-l6:6", "metric": "f1", "threshold": 0.4, "languages": own})
    gate = gate_in_force(load_settings(quality_profile=path))
    assert gate.languages == (("en", 0.3), ("es", 0.5))
    assert gate.in_language("es").threshold == 0.5
    assert gate.in_language("fr") is gate


def test_a_scorer_that_does_not_tell_its_model_is_told_of_unless_the_gate_was_chosen() -> None:
    address = "http://h:8000"
    silent = load_settings(scorer=address)
    assert f"{address} does not say which model" in words_of_nameless(silent, address)
    assert "f1 >= 0.75 (settings)" in words_of_nameless(silent, address)
    assert words_of_nameless(silent, "roberta-large:17") == ""
    assert words_of_nameless(load_settings(scorer=address, quality_threshold=0.9), address) == ""


@pytest.mark.parametrize("scorer", ["minilm-l6:5", "roberta-large:17", "minilm-l6:6:rescaled"])
def test_a_file_of_another_scorer_stops_the_start(scorer: str, profile: Any) -> None:
    path = profile({"scorer": scorer, "metric": "f1", "threshold": 0.4})
    with pytest.raises(SettingsError, match=f"{scorer}, and minilm-l6:6 is in force") as caught:
        gate_in_force(load_settings(quality_profile=path))
    assert caught.value.name == "ANSWERLOOP_QUALITY_PROFILE"


def test_the_shipped_profile_is_found_by_the_scorers_name_too() -> None:
    assert gate_in_force(load_settings(scorer_model="minilm-l6")).source == "profile minilm-l6"
    assert gate_in_force(load_settings(scorer_model="minilm-l6:5")).source == "settings"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "{}",
        {"scorer": "x", "metric": "f2", "threshold": 0.4},
        {"scorer": "x", "metric": "f1", "threshold": "0.4"},
        {"scorer": "x", "metric": "f1", "threshold": 1.5},
        {"scorer": "x", "metric": "f1", "threshold": -0.1},
        '{"scorer": "x", "metric": "f1", "threshold": NaN}',
        {"scorer": "x", "metric": "f1", "threshold": 0.4, "languages": {"es": 1.5}},
        {"scorer": "x", "metric": "f1", "threshold": 0.4, "languages": {"xx": 0.5}},
        {"scorer": "x", "metric": "f1", "threshold": 0.4, "languages": [["es", 0.5]]},
    ],
)
def test_a_file_that_is_no_profile_stops_the_start(content: Any, profile: Any) -> None:
    with pytest.raises(SettingsError, match="ANSWERLOOP_QUALITY_PROFILE") as caught:
        gate_in_force(load_settings(quality_profile=profile(content)))
    assert caught.value.name == "ANSWERLOOP_QUALITY_PROFILE"


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        gate_in_force(load_settings(quality_profile=str(tmp_path / "none.json")))


def test_the_shipped_profile_has_a_name_for_a_scorer_elsewhere() -> None:
    gate = gate_in_force(load_settings(quality_profile="minilm-l6", scorer="http://h:8000"))
    assert gate == gate_in_force(load_settings())


def test_a_scorer_elsewhere_that_is_the_bundled_one_brings_its_profile() -> None:
    elsewhere = load_settings(scorer="http://h:8000")
    shipped = gate_in_force(load_settings())
    assert gate_by(elsewhere, "minilm-l6:6") == shipped
    assert gate_by(elsewhere, "roberta-large:17") == Gate(0.75, Metric.F1, "settings")
    assert gate_by(elsewhere, "minilm-l6:6:rescaled").source == "settings"


@pytest.mark.parametrize(
    "chosen",
    [
        {"quality_threshold": 0.3},
        {"quality_profile": "none"},
        {"scorer": "memory:"},
        {"scorer": "local:", "scorer_model": "roberta-large"},
    ],
)
def test_a_gate_that_was_chosen_does_not_go_by_the_scorers_name(chosen: dict[str, Any]) -> None:
    settings = load_settings(**{"scorer": "http://h:8000", **chosen})
    assert gates_by_scorer(settings) == {}
    assert gate_by(settings, "minilm-l6:6") == gate_in_force(settings)

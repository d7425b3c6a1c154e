"""The gate in force on known pairs: what is found wanting, and what an engine says at its start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.adapters.scorer.memory import OverlapScorer
from app.calibration.check import Tolerance, built_in_check_pairs, check_of, mend
from app.calibration.kept import keep, read_kept
from app.calibration.pairs import Kind
from app.calibration.start import check_at_start, gate_checked, kept_findings
from app.calibration.statistics import Rate
from app.core.gate import Gate, Metric, Score
from app.errors import ScoreFailure, ScorerUnavailable
from app.settings import Settings, load_settings
from tests.calibration.known import pair, scored


class Encoder(OverlapScorer):
    """A scorer elsewhere: good pairs score 0.9, random ones `random`."""

    def __init__(self, random: float = 0.1, good: float = 0.9, **more: Any) -> None:
        super().__init__(**more)
        self.figures = {True: good, False: random}
        own = {(p.candidate, p.reference) for p in built_in_check_pairs() if p.kind is Kind.GOOD}
        self.own = own

    @property
    def name(self) -> str:
        return "tiny:1"

    async def score(self, pairs: Any) -> list[Score]:
        await super().score(pairs)
        figures = [self.figures[(one, other) in self.own] for one, other in pairs]
        return [Score(figure, figure, figure) for figure in figures]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, scorer="http://127.0.0.1:9")


async def told(settings: Settings, scorer: OverlapScorer) -> dict[str, Any]:
    """Return the one line that a start logs."""
    with capture_logs() as lines:
        await check_at_start(settings, scorer, structlog.get_logger("answerloop"))
    [line] = lines
    return dict(line)


def test_the_built_in_pairs_are_few_and_half_of_them_random() -> None:
    pairs = built_in_check_pairs()
    assert [sum(p.kind is kind for p in pairs) for kind in (Kind.GOOD, Kind.UNRELATED)] == [48, 48]
    assert len({(p.candidate, p.reference) for p in pairs}) == 96
    assert {p.language for p in pairs} == {"en", "es"}


def test_a_gate_is_found_wanting_beyond_the_tolerance_and_not_at_it() -> None:
    pairs = [*scored(Kind.GOOD, [0.5, 0.9, 0.9, 0.9]), *scored(Kind.UNRELATED, [0.8] + [0.1] * 19)]
    check = check_of(Gate(0.7, Metric.RECALL, "settings"), "tiny:1", pairs)
    assert (check.good, check.random) == (Rate(3, 4), Rate(1, 20))
    assert check.findings(Tolerance(0.05, 0.25)) == []
    [random] = check.findings(Tolerance(0.04, 0.25))
    assert random == (
        "recall >= 0.7 (settings) with tiny:1 passes 1 of 20 random pairs (5 %, more than 4 %)"
    )
    [good] = check.findings(Tolerance(0.05, 0.2))
    assert "fails 1 of 4 good answers (25 %, more than 20 %)" in good


def test_the_metric_of_the_gate_is_the_one_that_counts() -> None:
    pairs = scored(Kind.GOOD, [0.75] * 4)  # F1 0.65
    assert check_of(Gate(0.7, Metric.RECALL), "s", pairs).good == Rate(4, 4)
    assert check_of(Gate(0.7, Metric.F1), "s", pairs).good == Rate(0, 4)


def test_pairs_without_a_score_are_a_finding_whatever_the_others_came_to() -> None:
    pairs = scored(Kind.GOOD, [0.9] * 3)
    gate = Gate(0.7, Metric.RECALL, "settings")
    [finding] = check_of(gate, "tiny:1", pairs, failed=2).findings(Tolerance())
    assert finding == "tiny:1 gives no score for 2 of 5 pairs"
    assert check_of(gate, "tiny:1", pairs).findings(Tolerance()) == []


def test_languages_are_told_apart() -> None:
    pairs = [
        *scored(Kind.GOOD, [0.9] * 3),
        *(each._replace(pair=pair(Kind.GOOD, 9, language="es")) for each in scored(Kind.GOOD, [0])),
    ]
    check = check_of(Gate(0.7, Metric.RECALL), "s", pairs)
    assert check.by_language == {"en": (Rate(0, 0), Rate(3, 3)), "es": (Rate(0, 0), Rate(0, 1))}


def test_the_mend_names_the_shipped_profile_only_where_one_was_switched_off() -> None:
    assert "unset ANSWERLOOP_QUALITY_THRESHOLD" in mend(Gate(source="settings"), True)
    assert "unset" not in mend(Gate(source="settings"), False)
    assert "unset" not in mend(Gate(source="profile mine"), True)


async def test_a_start_says_that_all_is_well_and_keeps_the_scores(settings: Settings) -> None:
    scorer = Encoder()
    line = await told(settings, scorer)
    assert (line["event"], line["log_level"]) == ("gate_check", "info")
    assert (line["random_pass"], line["good_fail"]) == ("0 of 48", "0 of 48")
    assert line["scorer"] == "tiny:1"
    assert max(map(len, scorer.calls)) <= 8  # answers have their turn in between
    again = Encoder()
    assert (await told(settings, again))["seconds"] == 0.0
    assert not again.calls


async def test_an_encoder_whose_random_pairs_score_high_is_warned_of(settings: Settings) -> None:
    line = await told(settings, Encoder(random=0.83))
    assert line["log_level"] == "warning"
    assert "f1 >= 0.75 (settings) with tiny:1 passes 48 of 48 random pairs" in line["reason"]
    assert "gate calibrate FILE --out profile.json" in line["mend"]
    [finding] = kept_findings(settings)
    assert finding == line["reason"]


async def test_the_kept_scores_serve_every_gate(settings: Settings, tmp_path: Path) -> None:
    await told(settings, Encoder(good=0.6))
    lower = load_settings(data_dir=tmp_path, scorer="http://127.0.0.1:9", quality_threshold=0.5)
    scorer = Encoder(good=0.6)
    assert (await told(lower, scorer))["log_level"] == "info"
    assert not scorer.calls
    tolerant = load_settings(data_dir=tmp_path, scorer="http://127.0.0.1:9", gate_max_good_fail=1.0)
    assert kept_findings(settings)
    assert not kept_findings(tolerant)


async def test_a_scorer_that_does_not_tell_its_model_is_warned_of(settings: Settings) -> None:
    class Nameless(Encoder):
        @property
        def name(self) -> str:
            return settings.scorer

    with capture_logs() as lines:
        await check_at_start(settings, Nameless(), structlog.get_logger("answerloop"))
    assert [line["event"] for line in lines] == ["scorer_without_name", "gate_check"]
    assert "does not say which model" in lines[0]["reason"]


async def test_another_scorer_at_the_same_address_is_scored_anew(settings: Settings) -> None:
    await told(settings, Encoder())

    class Other(Encoder):
        @property
        def name(self) -> str:
            return "other:2"

    scorer = Other(random=0.9)
    line = await told(settings, scorer)
    assert scorer.calls
    assert (line["scorer"], line["log_level"]) == ("other:2", "warning")


async def test_a_scorer_that_is_away_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.calibration.start._AGAIN_SECONDS", 0.01)
    scorer = Encoder(faults=[ScorerUnavailable("away"), ScorerUnavailable("away")])
    assert (await told(settings, scorer))["log_level"] == "info"


async def test_pairs_without_a_score_are_left_out_and_not_kept(settings: Settings) -> None:
    scorer = Encoder(faults=[ScoreFailure("no score"), ScoreFailure("no score")])
    line = await told(settings, scorer)
    assert line["good_fail"] == "0 of 47"
    assert (line["log_level"], line["reason"]) == (
        "warning",
        "tiny:1 gives no score for 1 of 96 pairs",
    )
    assert "mend" not in line, "another gate would not help"
    assert read_kept(settings, scorer) is None


async def test_a_folder_of_data_that_can_not_be_written_costs_no_scores(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = load_settings(data_dir=tmp_path / "file", scorer="http://127.0.0.1:9")
    with capture_logs() as lines:
        await check_at_start(settings, Encoder(), structlog.get_logger("answerloop"))
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("gate_check_not_kept", "warning"),
        ("gate_check", "info"),
    ]
    assert "can't be made" in lines[0]["why"]


async def test_a_profile_of_another_scorer_elsewhere_is_an_error_line(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"scorer": "minilm-l6:6", "metric": "f1", "threshold": 0.4}))
    chosen = load_settings(
        data_dir=tmp_path, scorer="http://127.0.0.1:9", quality_profile=str(path)
    )
    line = await told(chosen, Encoder())
    assert line["log_level"] == "error"
    assert "minilm-l6:6, and tiny:1 is in force" in line["reason"]


async def test_the_twin_for_tests_is_not_asked(tmp_path: Path) -> None:
    scorer = OverlapScorer()
    with capture_logs() as lines:
        await check_at_start(load_settings(data_dir=tmp_path, scorer="memory:"), scorer, None)
    assert not lines
    assert not scorer.calls


async def test_a_check_that_is_not_over_never_holds_up_the_end(settings: Settings) -> None:
    scorer = Encoder(seconds=60.0)
    async with gate_checked(settings, scorer, structlog.get_logger("answerloop")):
        pass
    assert read_kept(settings, scorer) is None


@pytest.mark.parametrize("content", ["", "{}", '{"scorer": 1, "library": "", "scores": [[1]]}'])
async def test_a_kept_file_that_is_broken_is_worked_out_anew(
    settings: Settings, tmp_path: Path, content: str
) -> None:
    await told(settings, Encoder())
    [path] = (tmp_path / "gate-checks").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(content)
    scorer = Encoder()
    assert (await told(settings, scorer))["log_level"] == "info"
    assert scorer.calls


def test_a_folder_that_was_trained_on_is_another_encoder(tmp_path: Path) -> None:
    folder = tmp_path / "enc"
    folder.mkdir()
    (folder / "config.json").write_text('{"num_hidden_layers": 2}')
    chosen = load_settings(data_dir=tmp_path, scorer_model=str(folder))
    scorer = Encoder()
    whole = [
        each._replace(pair=of)
        for each, of in zip(scored(Kind.GOOD, [0.5] * 96), built_in_check_pairs(), strict=True)
    ]
    keep(chosen, scorer, whole)
    assert read_kept(chosen, scorer) is not None
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert read_kept(chosen, scorer) is None

"""`answerloop gate calibrate` and `gate check`, as they are called."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.cli.main import main
from app.core.gate import Score
from app.errors import ScoreFailure

#: Word overlap parts these: answers repeat their reference's words, others share none.
ROWS = "".join(
    f'"What is number {n}?","alpha{n} beta{n} gamma{n}","alpha{n} beta{n} is {n}",1\n'
    for n in range(1, 41)
)
HEADER = "question_text,original_answer,answer,label\n"


class Cli:
    """The command in this process: its exit code, what it wrote."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["gate", *arguments])
        out, err = self._capfd.readouterr()
        return int(end.value.code or 0), out, err


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Cli(capfd)
    root.handlers[:] = handlers  # those that the command made write to a stream that is gone
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def overlap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a file of pairs; the scorer is the twin in memory."""
    monkeypatch.setenv("ANSWERLOOP_SCORER", "memory:")
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pairs.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return path


def run_json(cli: Cli, *arguments: str) -> Any:
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_calibrating_a_file_writes_a_profile_and_a_page(
    cli: Cli, overlap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, page = tmp_path / "mine.json", tmp_path / "page.html"
    found = run_json(cli, "calibrate", str(overlap), "--out", str(profile), "--report", str(page))
    assert found["pairs"] == {
        "good": 40,
        "unrelated": 160,
        "negated": 40,
        "numbers_changed": 40,
    }
    assert found["metrics"]["recall"]["roc_area"] == 1.0
    assert found["recommended"]["threshold"] == 0.001
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    monkeypatch.setenv("ANSWERLOOP_QUALITY_PROFILE", str(profile))
    code, out, _ = cli("check", str(overlap))
    assert code == 0
    assert ">= 0.001 (profile mine)" in out
    monkeypatch.setenv("ANSWERLOOP_SCORER", "local:")
    code, _, err = cli("check", str(overlap))
    assert code == 2
    assert "mine.json was measured with the scorer overlap:0, and minilm-l6:6 is in force" in err


def test_people_get_distributions_metrics_kinds_and_a_recommendation(
    cli: Cli, overlap: Path
) -> None:
    code, out, err = cli("calibrate", str(overlap), "--false-pass-rate", "0.05")
    assert code == 0, err
    for words in (
        "recall: distribution",
        "At a false-pass rate of 5 %",
        "a guard objects",
        "\u2588",
        "1.000 (0.912 to 1.000)",
        "recommended: ",
    ):
        assert words in out
    assert "mind:" not in out


def test_labelled_bad_answers_are_those_that_must_not_pass(cli: Cli, overlap: Path) -> None:
    bad = "".join(f'q,"alpha{n} beta{n} gamma{n}","alpha{n} x y z",bad\n' for n in range(1, 31))
    overlap.write_text(HEADER + ROWS + bad, encoding="utf-8")
    found = run_json(cli, "calibrate", str(overlap), "--metric", "recall")
    assert found["must_not_pass"] == "bad"
    assert found["recommended"] == {"metric": "recall", "threshold": 0.334, "languages": {}}
    assert list(found["metrics"]) == ["recall"]
    assert any("Label more bad answers" in each for each in found["warnings"])
    checked = cli("check", str(overlap), "--json")
    bad = json.loads(checked[1])["bad"]
    assert bad.pop("interval") == pytest.approx([0, 0.1135], abs=1e-4)
    assert bad == {"passed": 0, "count": 30, "share": 0.0}


def test_labelled_bad_answers_that_can_not_be_read_are_missed_aloud(
    cli: Cli, overlap: Path
) -> None:
    overlap.write_text(HEADER + ROWS + "q,r,a\n" * 12, encoding="utf-8")
    code, out, _ = cli("calibrate", str(overlap))
    assert code == 0
    said = " ".join(out.split())
    assert "Not one pair labelled bad took part" in said
    assert "12 rows can't be read" in said
    assert "chosen by unrelated pairs instead" in said


def test_languages_get_thresholds_of_their_own_where_asked_for(
    cli: Cli, overlap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(
        f"{code},{code}{n} a{n} b{n} {shared},{code}{n} a{n} b{n} {shared}\n"
        for code, shared in (("en", "x"), ("es", "x y z w"))
        for n in range(30)
    )
    overlap.write_text("language,original_answer,answer\n" + rows, encoding="utf-8")
    profile, page = tmp_path / "mine.json", tmp_path / "page.html"
    asked = ("calibrate", str(overlap), "--metric", "recall")
    common = run_json(cli, *asked)["recommended"]
    assert (common["threshold"], common["languages"]) == (0.572, {})
    files = ("--out", str(profile), "--report", str(page))
    own = run_json(cli, *asked, "--by-language", *files)["recommended"]
    assert own == {**common, "languages": {"en": 0.251, "es": 0.572}}
    assert "own thresholds" in page.read_text(encoding="utf-8")
    monkeypatch.setenv("ANSWERLOOP_QUALITY_PROFILE", str(profile))
    found = run_json(cli, "check", str(overlap))
    assert found["gate"]["languages"] == own["languages"]
    assert "recall >= 0.572, en 0.251, es 0.572 (profile mine)" in cli("check", str(overlap))[1]
    profile.write_text(profile.read_text().replace('"es": 0.572', '"es": 0.571'))
    assert run_json(cli, "check", str(overlap), "--max-random-pass", "1")["random"]["passed"] > 0


def test_the_same_seed_gives_the_same_figures(cli: Cli, overlap: Path) -> None:
    one, same = (run_json(cli, "calibrate", str(overlap), "--seed", "3") for _ in range(2))
    del one["at"], same["at"]
    assert one == same
    assert one["seed"] == 3


def test_bad_rows_are_told_by_line_and_put_aside(cli: Cli, overlap: Path) -> None:
    overlap.write_text(HEADER + "q,r,a,perhaps\nq,r,a\n" + ROWS, encoding="utf-8")
    code, _, err = cli("calibrate", str(overlap))
    assert code == 0
    assert "line 2: label must be good or bad" in err
    assert "line 3: 3 columns where the header has 4" in err
    assert overlap.with_name("pairs.rejects.csv").read_text().count("\n") == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("calibrate", "missing.csv"), "no such file"),
        (("calibrate", "few.csv"), "3 good and 12 unrelated pairs|are too few"),
        (("calibrate", "pairs.csv", "--out", "no/where.json"), "there is no folder"),
        (("calibrate", "pairs.csv", "--report", "."), "is a folder"),
        (("calibrate", "pairs.csv", "--out", "pairs.csv"), "is read by this command"),
        (("calibrate", "pairs.csv", "--report", "./pairs.csv"), "is read by this command"),
        (("calibrate", "--out", "x", "--report", "x"), "is written twice"),
        (("calibrate", "pairs.csv", "--false-pass-rate", "0"), "false-pass-rate"),
        (("calibrate", "pairs.csv", "--false-pass-rate", "nan"), "no finite number"),
        (("calibrate", "pairs.csv", "--format", "xml"), "no format is named 'xml'"),
        (("check", "missing.csv"), "no such file"),
        (("check", "one.csv"), "no random pair comes of it"),
        (("check", "--max-good-fail", "2"), "max-good-fail"),
        (("check", "pairs.csv", "--fresh"), "--fresh is for the built-in pairs"),
    ],
)
def test_what_can_not_be_used_is_told_before_the_work(
    cli: Cli, overlap: Path, arguments: tuple[str, ...], said: str
) -> None:
    overlap.with_name("few.csv").write_text(HEADER + "".join(ROWS.splitlines(True)[:3]))
    overlap.with_name("one.csv").write_text(HEADER + ROWS.splitlines(True)[0])
    code, out, err = cli(*arguments)
    assert code == 2
    assert any(each in err for each in said.split("|")), err
    assert not out


def test_a_gate_that_fails_good_answers_is_warned_of_with_exit_code_1(
    cli: Cli, overlap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_QUALITY_THRESHOLD", "0.9")
    code, out, err = cli("check", str(overlap))
    assert code == 1
    assert "40 failed" in out
    assert "warning: f1 >= 0.9 (settings) with overlap:0 fails 40 of 40 good answers" in err
    assert "gate calibrate FILE" in err
    code, _, _ = cli("check", str(overlap), "--max-good-fail", "1")
    assert code == 0


def test_the_built_in_pairs_are_scored_once_and_anew_when_asked_for(
    cli: Cli, overlap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*more: str) -> tuple[bool, Any]:
        found = json.loads(cli("check", "--json", *more)[1])
        return found.pop("kept"), found

    first, second = check(), check()
    assert (first[0], second[0]) == (False, True)
    assert first[1] == second[1]
    low, high = first[1]["good"]["interval"]
    assert low <= first[1]["good"]["share"] <= high
    monkeypatch.setattr("app.adapters.scorer.memory.overlap", lambda *_: Score(1, 1, 1))
    assert check()[1]["random"]["passed"] == 0
    assert check("--fresh")[1]["random"]["passed"] == 48
    assert check()[1]["random"]["passed"] == 48


def test_a_gate_that_passes_all_is_warned_of(
    cli: Cli, overlap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_QUALITY_THRESHOLD", "0")
    code, out, err = cli("check", str(overlap), "--json")
    assert code == 1
    found = json.loads(out)
    assert found["random"]["share"] == 1.0
    assert not found["fine"]
    assert "passes 160 of 160 random pairs" in err


def test_a_scorer_that_gives_no_score_is_never_fine(
    cli: Cli, overlap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_score(*_: object) -> Score:
        raise ScoreFailure("not a number")

    monkeypatch.setattr("app.adapters.scorer.memory.overlap", no_score)
    code, out, err = cli("check", "--fresh")
    assert code == 1, out
    assert "warning: overlap:0 gives no score for 96 of 96 pairs" in err
    assert "gate calibrate" not in err
    found = json.loads(cli("check", str(overlap), "--json")[1])
    assert (found["failed"], found["fine"]) == (200, False)


def test_a_folder_of_data_that_can_not_be_written_is_warned_of_and_the_figures_printed(
    cli: Cli, overlap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(overlap))
    monkeypatch.setenv("ANSWERLOOP_QUALITY_THRESHOLD", "0.3")
    _, out, err = cli("check")
    assert "f1 >= 0.3 (settings), scorer overlap:0" in out
    assert "gate_check_not_kept" in err

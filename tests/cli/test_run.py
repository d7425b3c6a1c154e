"""`answerloop run`: what is refused before any question is asked."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.cli import progress
from app.cli.batch import Totals
from app.cli.main import main


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_the_file_of_questions_is_never_written_over(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question_text": "¿Qué?"}\n', encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["run", str(questions), option, str(questions)])
    assert end.value.code == 2
    assert "is read by this command: write to another file" in capsys.readouterr().err
    assert questions.read_text(encoding="utf-8") == '{"question_text": "¿Qué?"}\n'


def test_what_a_guard_rejected_is_not_counted_among_the_dead() -> None:
    totals = Totals(file=Path("questions.csv"), out=None)
    for status, cause in (
        ("dead", "unauthorized"),
        ("low_quality", "guard_refusal"),
        ("low_quality", "guard_refusal"),
        ("low_quality", None),
    ):
        totals.add({"status": status, "cause": cause})
    found = totals.as_json()
    assert found["counts"]["dead"] == 1
    assert found["dead_by_cause"] == {"unauthorized": 1}
    assert found["low_quality_by_cause"] == {"guard_refusal": 2}


def test_means_are_of_the_figure_that_the_gate_went_by() -> None:
    totals = Totals(file=Path("questions.csv"), out=None)
    for recall in (0.7, 0.9):
        figures = {"f1": 0.5, "precision": 0.4, "recall": recall}
        totals.add({"status": "validated", "metric": "recall", **figures})
    found = totals.as_json()
    assert found["metric"] == "recall"
    assert found["mean_score"]["validated"] == pytest.approx(0.8)
    assert found["mean_f1"] == {"validated": 0.5}
    totals.add({"status": "validated", "metric": "f1", "f1": 0.2, "precision": 0, "recall": 0})
    assert totals.as_json()["metric"] is None  # two gates: no one name for the column


def test_the_question_to_look_at_is_one_that_went_worst() -> None:
    totals = Totals(file=Path("questions.csv"), out=None)
    for at, status in enumerate(["unscored", "low_quality", "validated", "low_quality"]):
        totals.add({"status": status, "question_id": str(at)})
    assert totals.example == "3"


def test_a_piped_run_says_what_it_does_before_the_first_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_LINE_SECONDS", -1.0)
    told = io.StringIO()
    bar = progress.BatchProgress(Console(file=told), 2)
    bar.note("loading the models")
    bar.state(0, "asking")
    bar.done(0, "validated")
    first, second = told.getvalue().splitlines()
    assert first == "loading the models"
    assert second.startswith("1/2 ")
    assert second.endswith("validated 1")


@pytest.mark.parametrize("option", ["--threshold=75", "--threshold=nan", "--concurrency=0"])
def test_a_number_out_of_range_names_its_option(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", str(tmp_path / "none.csv"), option])
    assert end.value.code == 2
    assert f"'{option.split('=', maxsplit=1)[0]}'" in capsys.readouterr().err

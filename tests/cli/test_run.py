"""`answerloop run`: what is refused before any question is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

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

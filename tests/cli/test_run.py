"""`answerloop run`: what is refused before any question is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

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

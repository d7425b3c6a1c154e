"""`answerloop score`: one argument is a file, two are a pair."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.adapters.scorer.http import HttpScorer
from app.cli.main import main


@pytest.fixture(autouse=True)
def _by_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERLOOP_SCORER", "memory:")
    monkeypatch.setattr("app.cli.score.configure_logging", lambda *_: None)  # it is the process's
    monkeypatch.chdir(tmp_path)
    rows = [
        *("question,answer,reference", "¿Cuántos?,Son 9,Son 7", "¿Qué?,=1+1,Eso"),
        "Why?,Because,Because",
    ]
    Path("pairs.csv").write_text("\n".join(rows), encoding="utf-8")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["score", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_two_texts_are_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "Paris is it", "Paris is it", "--json")
    row = json.loads(out)
    assert (code, row["f1"], row["verdict"], row["scorer"]) == (0, 1.0, "pass", "overlap:0")


def test_a_file_gets_a_summary_and_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "pairs.csv", "--out", "scores.csv")
    assert code == 0
    assert "3 pairs: 1 of 3 pass (33.3 %)" in out
    assert "numbers_changed 1" in out
    assert "rows: scores.csv" in out
    code, out, _ = run(capsys, "pairs.csv", "--json")
    assert json.loads(out)["passed"] == 1


def test_formulas_do_nothing_in_a_spreadsheet_and_the_run_continues(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("pairs.csv", "--out", "scores.csv", "--spreadsheet", "--json")
    run(capsys, *arguments)
    with Path("scores.csv").open(newline="", encoding="utf-8") as file:
        assert [row["candidate"] for row in csv.DictReader(file)] == ["Son 9", "'=1+1", "Because"]
    assert json.loads(run(capsys, *arguments)[1])["resumed"] == 3
    assert run(capsys, "pairs.csv", "--out", "scores.csv")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope.csv"], "no file 'nope.csv'. Give a FILE of pairs"),
        (["What? " * 100], "score CANDIDATE REFERENCE"),
        (["a\x00b"], "score CANDIDATE REFERENCE"),
        (["one", "other", "--out", "scores.csv"], "--out is for a file of pairs"),
        (["pairs.csv", "--out", "scores.xlsx"], ".csv or .jsonl"),
        (["."], "folder"),
    ],
)
def test_what_can_not_be_scored_says_how_it_is_used(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_ctrl_c_writes_what_was_done_and_the_same_command_continues(tmp_path: Path) -> None:
    with Path("many.csv").open("w", encoding="utf-8") as file:
        file.write("candidate,reference\n")
        file.writelines(f"{'word ' * 60}{at},{'other ' * 60}{at}\n" for at in range(20_000))
    command = [sys.executable, "-m", "app.cli.main", "score", "many.csv", "--out", "out.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [*command, "--batch", "50"], env=environment, stdout=subprocess.PIPE, text=True
    )
    out = tmp_path / "out.jsonl"
    until = time.monotonic() + 30
    while not (out.exists() and out.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command continues" in told
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert 0 < len(rows) < 20_000
    assert [row["line"] for row in rows] == list(range(2, len(rows) + 2))


def test_the_file_of_pairs_is_never_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("pairs.csv").read_bytes()
    Path("link.csv").symlink_to("pairs.csv")
    for out in ("pairs.csv", "link.csv"):
        code, _, err = run(capsys, "pairs.csv", "--out", out, "--fresh")
        assert code == 2
        assert f"{out} is read by this command: write to another file" in err
    assert Path("pairs.csv").read_bytes() == before


@pytest.mark.parametrize("arguments", [("pairs.csv", "--out", "scores.csv"), ("one", "other")])
def test_a_profile_of_another_scorer_elsewhere_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    def opened(_: object, closers: list[object]) -> HttpScorer:
        scorer = HttpScorer("http://127.0.0.1:9")
        closers.append(scorer.close)
        return scorer

    async def answer(scorer: HttpScorer, *_: object) -> tuple[int, object]:
        figures = {"precision": 0.6, "recall": 0.6, "f1": 0.6}
        return 200, {"scores": [figures], "scorer": "minilm-l6:6"}

    monkeypatch.setattr("app.opening.open_scorer", opened)
    monkeypatch.setattr("app.cli.score_file.open_scorer", opened)
    monkeypatch.setattr(HttpScorer, "_exchange", answer)
    profile = {"scorer": "roberta-large:17", "metric": "f1", "threshold": 0.9}
    Path("mine.json").write_text(json.dumps(profile), encoding="utf-8")
    monkeypatch.setenv("ANSWERLOOP_SCORER", "http://127.0.0.1:9")
    monkeypatch.setenv("ANSWERLOOP_QUALITY_PROFILE", "mine.json")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "measured with the scorer roberta-large:17, and minilm-l6:6 is in force" in err
    assert not Path("scores.csv").exists()

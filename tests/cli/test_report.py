"""`answerloop report`: files, figures, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.cli.main import main
from app.files import write_results
from tests.quality_report.samples import attempt, random_results, result


@pytest.fixture(autouse=True)
def _the_process_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging is the process's: a command must not leave a closed stream in it."""
    monkeypatch.setattr("app.cli.report.configure_logging", lambda *_: None)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    write_results(path, random_results(120))
    return path


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_all_files_of_one_pass_agree(
    results: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    names = {name: tmp_path / f"out.{name}" for name in ("html", "csv", "jsonl", "xml")}
    files = [*("--out", names["html"]), *("--csv", names["csv"]), *("--jsonl", names["jsonl"])]
    files += ["--junit", names["xml"]]
    assert run("--from-results", results, "--status", "low_quality", *files, "--json") == 0
    found = json.loads(capfdbinary.readouterr().out)
    low = [each for each in random_results(120) if each["status"] == "low_quality"]
    assert found["questions"] == len(low) > 10
    assert [json.loads(line) for line in names["jsonl"].read_text().splitlines()] == low
    with names["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["question_id"] for row in rows] == [each["question_id"] for each in low]
    assert {row["attempts"] for row in rows} == {"3"}
    assert ElementTree.parse(names["xml"]).getroot().attrib["failures"] == str(len(low))
    page = names["html"].read_text()
    assert f"0 of {len(low)} questions validated" in page
    assert found["filters"] == ["low_quality"]


def test_a_csv_of_results_gives_the_same_shares(
    results: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    again = tmp_path / "again.csv"
    shares = []
    for source, more in ((results, ("--csv", again)), (again, ("--csv", tmp_path / "third.csv"))):
        assert run("--from-results", source, *more, "--json") == 0
        found = json.loads(capfdbinary.readouterr().out)
        shares.append([found[name] for name in ("states", "pass_share", "mean_score", "calls")])
    assert shares[0] == shares[1]
    assert again.read_text() == (tmp_path / "third.csv").read_text()


def test_results_tell_the_tokens_that_were_read_and_written(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, sums = tmp_path / "r.jsonl", tmp_path / "r.csv"
    tries = [attempt(1, answer="a", prompt_tokens=31), attempt(2, answer="b", prompt_tokens=40)]
    untold = [attempt(1, answer="a")]
    rows = [result(0, "validated", 0.9, attempts=tries)]
    write_results(path, [*rows, result(1, "validated", 0.9, attempts=untold)])
    for source, more in ((path, ("--csv", sums)), (sums, ())):
        assert run("--from-results", source, *more, "--json") == 0
        found = json.loads(capfdbinary.readouterr().out)
        costs = found["costs"]["total"]
        assert (costs["calls"], costs["prompt_tokens"], costs["tokens"]) == (3, 71, 30)
        assert found["prompt_tokens_known"]
    write_results(path, [result(1, "validated", 0.9, attempts=untold)])
    assert run("--from-results", path, "--json") == 0
    assert not json.loads(capfdbinary.readouterr().out)["prompt_tokens_known"]


def test_a_report_of_a_fresh_run_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "data"))
    file = tmp_path / "q.csv"
    file.write_text("question,answer\nOne?,1\n")
    assert run("--questions", file, "--fresh") == 2
    assert "no run --fresh over" in capsys.readouterr().err
    assert run("--fresh") == 2
    assert "--fresh goes with --questions" in capsys.readouterr().err


@pytest.mark.parametrize(("least", "code"), [("0.5", 0), ("0.75", 0), ("0.7501", 1), ("1", 1)])
def test_fail_under_is_for_ci(
    tmp_path: Path, least: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    states = ["validated"] * 3 + ["dead"] + ["unscored"]
    write_results(path, [result(n, state) for n, state in enumerate(states)])
    assert run("--from-results", path, "--fail-under", least) == code
    captured = capsys.readouterr()
    assert "3 of 4 questions validated" in captured.out
    assert ("3 of 4 questions are validated (75 %)" in captured.err) == bool(code)


def test_nothing_to_validate_fails_in_ci(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    write_results(path, [])
    assert run("--from-results", path, "--fail-under", "0") == 1
    assert "no question could be validated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from-results", "none.jsonl"], "there is no such file"),
        (["--from-results", "{results}", "--compare", "a", "b"], "one only"),
        (["--from-results", "{results}", "--out", "/nowhere/r.html"], "there is no folder"),
        (["--from-results", "{results}", "--out", "{results}"], "is read by this command"),
        (["--compare", "a.csv", "{results}", "--csv", "a.csv"], "is read by this command"),
        (["--from-results", "{results}", "--fail-under", "nan"], "no finite number"),
        (["--from-results", "{results}", "--csv", "r.jsonl"], "is to end in .csv"),
        (["--from-results", "{results}", "--since", "soon"], "is no time"),
        (["--from-results", "{results}", "--meta", "topic"], "write KEY=VALUE"),
        (["--from-results", "{results}", "--price", "cheap"], "is no price"),
        (["--compare", "{results}", "{results}", "--status", "dead"], "does not go with --compare"),
        (["--join", "row"], "goes with --compare"),
    ],
)
def test_wrong_options_are_told(
    results: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(each.format(results=results) for each in arguments)) == 2
    assert said in " ".join(capsys.readouterr().err.replace("\u2502", " ").split())


def test_two_runs_compared(
    results: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    better = tmp_path / "better.jsonl"
    rows = random_results(120)
    for row in rows:
        if row["status"] == "low_quality":
            row |= {"status": "validated", "f1": row["f1"] + 0.3}
    write_results(better, rows)
    page, table = tmp_path / "c.html", tmp_path / "c.csv"
    assert run("--compare", results, better, "--out", page, "--csv", table, "--json") == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert (found["better"] > 10, found["worse"]) == (True, 0)
    assert found["mcnemar_p"] == pytest.approx(2 / 2 ** found["better"])
    with table.open(newline="") as file:
        verdicts = [row["verdict"] for row in csv.DictReader(file)]
    assert verdicts.count("better") == found["better"]
    assert f"{found['better']} better, 0 worse" in page.read_text()
    assert run("--compare", results, better) == 0
    said = capfdbinary.readouterr().out.decode()
    assert "Significantly more answers pass" in said
    assert "metadata: topic: hard" in said


def test_a_spreadsheet_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_results(path, [result(1, "validated", 0.9, answer="=cmd()", question_text="+1")])
    table = tmp_path / "c.csv"
    assert run("--compare", path, path, "--csv", table, "--spreadsheet") == 0
    assert "'=cmd()" in table.read_text()
    assert run("--from-results", path, "--csv", table, "--spreadsheet") == 0
    assert "'+1" in table.read_text()


def test_the_database_is_read(
    postgres_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATABASE", postgres_dsn)
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path))
    assert run("--out", tmp_path / "r.html", "--json") == 0
    assert json.loads(capfdbinary.readouterr().out)["headline"] == "No question fits"
    assert "No question fits" in (tmp_path / "r.html").read_text()
    monkeypatch.setenv("ANSWERLOOP_DATABASE", "postgresql://nobody@127.0.0.1:9/none")
    assert run("--json") == 4

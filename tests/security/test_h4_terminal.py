"""H4: no text of a stranger's steers the terminal; `--json` and files stay exact."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from app.cli import output
from app.cli.output import SafeConsole, print_error, print_json, print_table, printable
from app.cli.progress import BatchProgress
from app.cli.question_print import print_question
from app.core.terminal import neutralised
from app.files import write_results
from app.files.write import COLUMNS
from app.logs import configure_logging
from tests.security.hostile import FORMULAS, strings

HOSTILE = strings()
#: Wrapping a very long text takes seconds.
SHORT = [text for text in HOSTILE if len(text) < 2000]
CLI = Path(output.__file__).parent
#: What our own tables and progress may send: colours. The hostile ones are tested without.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def obeyed(text: str) -> set[str]:
    """Return the characters of a text that a terminal acts upon, besides newline and tab."""
    joiners = "\u200c\u200d"
    return {
        c
        for c in text
        if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\n\t" + joiners
    }


def row(text: str) -> dict[str, Any]:
    """A question whose every text is hostile."""
    attempt = {"generation": 1, "attempt": 1, "cause": text, "answer": text, "model": text}
    numbers = {"seconds": 0.1, "tokens": 1, "waited_seconds": 0.0, "threshold": 0.5}
    texts = ("question_id", "status", "question_text", "original_answer", "answer", "cause")
    basis = ("why", "metric", "gate", "scorer", "library")
    judged = {**dict.fromkeys(basis, f"{text} earlier"), "why": text}
    question = {**dict.fromkeys((*texts, *basis), text), "threshold": 0.5}
    return {**question, "attempts": [{**attempt, **judged, **numbers}]}


def test_h4_the_strings_are_500_and_really_hostile() -> None:
    assert len(set(HOSTILE)) == 500
    assert {"\x1b", "\x9b", "\x07", "\r", "\x00", "\u202e"} <= obeyed("".join(HOSTILE))


@pytest.mark.parametrize("forced", [False, True])
def test_h4_tables_questions_and_progress_show_no_control_character(
    forced: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def console() -> SafeConsole:
        return SafeConsole(force_terminal=forced, color_system=None, width=160, highlight=False)

    monkeypatch.setattr(output, "stdout", console)
    monkeypatch.setattr("app.cli.question_print.stdout", console)
    print_table("title", ("a", "b"), [(text, text) for text in SHORT])
    for text in SHORT:
        print_question(row(text))
    console().print("\n".join(SHORT), markup=False)
    console().print(*(printable(text) for text in SHORT))
    bare = SafeConsole(force_terminal=False, width=160)
    for text in SHORT:
        BatchProgress(bare, 1).bad_row(1, text)
        print_error(f"error: {text}")
    shown = "".join(capsys.readouterr())
    assert len(shown) > sum(map(len, SHORT)), "they were printed"
    assert obeyed(_COLOUR.sub("", shown)) == set()


def test_h4_a_console_that_is_not_safe_would_be_caught(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    Console(width=160).print("\n".join(SHORT), markup=False)
    assert {"\x1b", "\x9b", "\u202e"} <= obeyed(capsys.readouterr().out)


def test_h4_every_command_prints_by_the_safe_console() -> None:
    """Nobody in the commands makes a console of their own, or writes to the terminal past it."""
    wrong = []
    for path in sorted(CLI.rglob("*.py")):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                plain = all(isinstance(each, ast.Constant) for each in node.args)
                if called in {"Console", "rich.console.Console", "print"}:
                    wrong.append(f"{path.name}: {called}")
                if called in {"sys.stdout.write", "sys.stderr.write"} and not plain:
                    wrong.append(f"{path.name}: {ast.unparse(node)}")
    assert wrong == []


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_h4_log_lines_show_no_control_character(
    log_format: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    logging.getLogger().handlers[0].filters.clear()  # they may not be left out as repeated
    log = structlog.get_logger("answerloop")
    for text in HOSTILE:
        log.error("stage_failed", question_id=text, error=text, seen=[text])
        logging.getLogger("library").error("%s", text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("library").exception("failed")
    shown = capsys.readouterr().err
    assert shown.count("stage_failed") >= len(HOSTILE)
    assert obeyed(shown) == set()


def test_h4_json_is_exact_and_shows_no_control_character(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr("sys.stdout", written)
    value = [{"text": text, text: 1} for text in HOSTILE]
    print_json(value)
    raw = written.buffer.getvalue()  # type: ignore[attr-defined]
    assert json.loads(raw) == value
    assert msgspec.json.decode(raw) == value
    assert obeyed(raw.decode()) <= {
        "\U000e0041",
        *map(chr, range(0xE0000, 0xE0080)),
        "\xad",
        "\u0600",
        "\u200b",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ¿qué? 日本", "plain ¿qué? 日本"),
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\N{NO-BREAK SPACE}b", "a b"),
        ("a\tb\nc", "a\tb\nc"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("\ud800", "\ufffd"),
        ("user\u202enimda", "user\ufffdnimda"),
    ],
)
def test_h4_what_is_shown_instead(text: str, shown: str) -> None:
    assert neutralised(text) == shown


def result(text: str) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), "question_text": text, "answer": text, "f1": -0.5}


def test_h4_results_are_exact_and_for_a_spreadsheet_without_formulas(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if "\x00" not in text] + list(FORMULAS)
    rows = [result(text) for text in texts]
    exact, safe = tmp_path / "exact.csv", tmp_path / "safe.csv"
    write_results(exact, rows)
    write_results(safe, rows, spreadsheet=True)
    csv.field_size_limit(1_000_000)
    with exact.open(newline="", encoding="utf-8") as file:
        assert [each["answer"] for each in csv.DictReader(file)] == texts
    with safe.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [each["answer"].removeprefix("'") for each in found] == [
        text.removeprefix("'") for text in texts
    ]
    assert not [each for each in found if each["answer"].startswith(tuple("=+-@\t\r＝＋－＠"))]
    assert {each["f1"] for each in found} == {"-0.5"}, "a number is no formula"

"""STRATEGIES_FILE: how each generation is asked; the reference can't get into a prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.config.strategies import read_strategies
from app.core.strategies import STRATEGIES, prompt_for
from app.errors import SettingsError
from app.settings import load_settings

GOOD = '''
[[generation]]
temperature = 0

[[generation]]
temperature = 0.7
seed = 42
prompt = """
Answer in one sentence.

{question}"""

[[generation]]
temperature = 1
model = "llama3.1:8b"
system = "You are an expert."
prompt = 'Reply with {"text": ...} to: {question} (briefly)'
max_tokens = 64
'''

CHANGES = """
[[generation]]

[[generation]]
name = "sentence"
temperature = 0.5
prompt = "Answer in one sentence: {question}"

[[when]]
language = "Spanish"
prompt = "Responde en español con una frase: {question}"

[[when]]
name = "longer"
generation = 3
rejected_by = ["cut_off", "empty"]
max_tokens = 2048
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "strategies.toml"


def test_a_good_file_says_how_each_generation_is_asked(file: Path) -> None:
    file.write_text(GOOD)
    strategies = load_settings(strategies_file=file).strategies
    first, second, third, fourth = (prompt_for("Why {x}?", n, strategies) for n in (1, 2, 3, 4))
    assert (first.user, first.temperature, first.seed) == ("Why {x}?", 0.0, 1)
    assert (second.user, second.seed) == ("Answer in one sentence.\n\nWhy {x}?", 42)
    assert third.user == 'Reply with {"text": ...} to: Why {x}? (briefly)'
    assert (third.model, third.system, third.max_tokens) == (
        "llama3.1:8b",
        "You are an expert.",
        64,
    )
    assert replace(fourth, seed=third.seed) == third


def test_the_file_of_the_documentation_is_one(file: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/strategies.md").read_text(encoding="utf-8")
    file.write_text(page.partition("```toml\n")[2].partition("```")[0])
    strategies = load_settings(strategies_file=file).strategies
    assert strategies.chosen("¿Quién es?", 2, "echo").name == "sentence + Spanish + refusal, echo"
    assert list(strategies.models()) == ["llama3.1:8b"]


def test_without_a_file_the_built_in_strategies_are_in_force() -> None:
    assert load_settings().strategies is STRATEGIES


def test_what_changes_by_reason_and_language_is_said_in_the_file(file: Path) -> None:
    file.write_text(CHANGES)
    strategies = load_settings(strategies_file=file).strategies
    names = [
        strategies.chosen(question, generation, reason).name
        for question, generation, reason in (
            ("¿Qué es?", 1, None),
            ("¿Qué es?", 2, "cut_off"),
            ("¿Qué es?", 3, "empty"),
            ("Why?", 3, "cut_off"),
            ("Why?", 3, "low_score"),
        )
    ]
    assert names == [
        "generation 1",
        "sentence + Spanish",
        "sentence + Spanish + longer",
        "sentence + longer",
        "sentence",
    ]
    asked = prompt_for("¿Qué es?", 3, strategies, "cut_off")
    assert (asked.user, asked.max_tokens, asked.temperature) == (
        "Responde en español con una frase: ¿Qué es?",
        2048,
        0.5,
    )


BAD = [
    ("", ["0 generation tables"]),
    ("[[generation]]\n" * 101, ["101 generation tables", "1 to 100"]),
    ("[[generation]]\n" + "[[when]]\nlanguage = 'Greek'\nmodel = 'm'\n" * 101, ["101 when"]),
    ("[[generation]]\nname = ''\n", ["line 2", "name", "1 to 40"]),
    ("[[generation]]\nname = 'a\\tb'\n".replace("'", '"'), ["line 2", "name"]),
    ("[[generation]]\nrejected_by = 'echo'\n", ["line 2", "rejected_by", "unknown"]),
    ("[[generation]]\n[[when]]\ntemperature = 1\n", ["line 2", "when does it apply?"]),
    ("[[generation]]\n[[when]]\nlanguage = 'Spanish'\n", ["line 2", "changes nothing"]),
    (
        "[[generation]]\n[[when]]\nrejected_by = 'eco'\nmodel = 'm'\n",
        ["line 3", "low_score", "echo"],
    ),
    ("[[generation]]\n[[when]]\nrejected_by = []\nmodel = 'm'\n", ["line 3", "empty"]),
    ("[[generation]]\n[[when]]\nrejected_by = [1]\nmodel = 'm'\n", ["line 3", "low_score"]),
    ("[[generation]]\n[[when]]\nrejected_by = 7\nmodel = 'm'\n", ["line 3", "low_score"]),
    ("[[generation]]\n[[when]]\nlanguage = 'es'\nmodel = 'm'\n", ["line 3", "Spanish"]),
    ("[[generation]]\n[[when]]\nlanguage = 'Greek'\nseed = 3\n", ["line 4", "seed"]),
    (
        "[[generation]]\n[[when]]\nrejected_by = 'echo'\ngeneration = 1\nmodel = 'm'\n",
        ["line 4", "2 or more"],
    ),
    ("[[generation]]\n[[when]]\ngeneration = 0\nmodel = 'm'\n", ["line 3", "generation"]),
    (
        "[[generation]]\n[[when]]\nlanguage = 'Greek'\nprompt = '{question} {reference}'\n",
        ["line 4", "when 1", "{reference}"],
    ),
    (
        "[[generation]]\n[[when]]\nlanguage = 'Greek'\nprompt = '{question} {why}'\n",
        ["line 4", "{why}"],
    ),
    ("[[generations]]\n", ["line 1", "did you mean 'generation'"]),
    ("[[generation]]\ntemp = 1\n", ["line 2", "'temp'", "temperature"]),
    ("[[generation]]\ntemperature = 2.1\n", ["line 2", "0 to 2"]),
    ("[[generation]]\ntemperature = -0.1\n", ["line 2", "0 to 2"]),
    ("[[generation]]\ntemperature = nan\n", ["line 2", "0 to 2"]),
    ("[[generation]]\ntemperature = true\n", ["line 2", "0 to 2"]),
    ('[[generation]]\ntemperature = "0"\n', ["line 2", "a number"]),
    ("[[generation]]\nseed = 1.5\n", ["line 2", "whole number"]),
    ("[[generation]]\nseed = -1\n", ["line 2", "seed"]),
    ("[[generation]]\nmax_tokens = 0\n", ["line 2", "1 to 32768"]),
    ("[[generation]]\nmodel = ''\n", ["line 2", "model"]),
    ("[[generation]]\nprompt = 7\n", ["line 2", "a text"]),
    ("[[generation]]\nprompt = 'Answer!'\n", ["line 2", "{question} exactly once"]),
    ("[[generation]]\nprompt = '{question} {question}'\n", ["exactly once"]),
    (
        "[[generation]]\nprompt = '{question} {reference}'\n",
        ["line 2", "{reference}", "{question}"],
    ),
    ("[[generation]]\nprompt = '{question}: {original_answer}'\n", ["{original_answer}"]),
    ("[[generation]]\nprompt = '{question}: {0}'\n", ["{0}"]),
    ("[[generation]]\nprompt = '{question}: {}'\n", ["{}"]),
    ("[[generation]]\nprompt = '{ question }'\n", ["{ question }"]),
    ("[[generation]]\nsystem = 'It is {question}'\n", ["line 2", "system", "not filled in"]),
    ('[[generation]]\nprompt = "{question}\\u0000"\n', ["NUL"]),
    ("[[generation]]\n\n[[generation]]\nseed = 'x'\n", ["line 4", "generation 2"]),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_file_stops_the_start_and_says_where(file: Path, text: str, words: list[str]) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(strategies_file=file)
    message = str(caught.value)
    assert message.startswith(f"ANSWERLOOP_STRATEGIES_FILE: {file}")
    for word in words:
        assert word in message, message


def test_the_bundled_model_can_not_ask_a_second_one(file: Path) -> None:
    from app.adapters.llm.open import open_model

    with pytest.raises(SettingsError, match="has one model"):
        open_model("bundled:", also=["llama3.1:8b"])


def test_the_command_shows_how_each_generation_is_asked(file: Path) -> None:
    file.write_text(GOOD)
    env = {"ANSWERLOOP_STRATEGIES_FILE": str(file)}
    done = CliRunner().invoke(cli, ["config", "strategies", "--json"], env=env)
    rows = json.loads(done.stdout)
    assert [row["generation"] for row in rows] == [1, 2, 3]
    assert [row["model"] for row in rows] == [None, None, "llama3.1:8b"]
    assert "llama3.1:8b" in CliRunner().invoke(cli, ["config", "strategies"], env=env).output


def test_the_command_shows_how_one_question_is_asked_by_reason(file: Path) -> None:
    file.write_text(CHANGES)
    env = {"ANSWERLOOP_STRATEGIES_FILE": str(file)}
    command = ["config", "strategies", "--question", "¿Qué es?", "--json"]
    rows = json.loads(CliRunner().invoke(cli, command, env=env).stdout)
    assert [(row["generation"], row["name"]) for row in rows] == [
        (1, "generation 1"),
        (2, "sentence + Spanish"),
        (3, "sentence + Spanish"),
        (3, "sentence + Spanish + longer"),
    ]
    assert rows[3]["rejected_by"] == ["empty", "cut_off"]
    assert rows[1]["prompt"] == "Responde en español con una frase: ¿Qué es?"
    blank = CliRunner().invoke(cli, ["config", "strategies", "--question", " "], env=env)
    assert (blank.exit_code, "--question" in blank.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[generation]]\n", "generation 2 asks just as generation 1 does"),
        ("[[generation]]\n[[generation]]\ntemperature = 0.5\n", ""),
        ("[[generation]]\n[[generation]]\nname = 'again'\n", "generation 2 asks just as"),
    ],
)
def test_the_command_warns_of_a_call_that_repeats_another(file: Path, text: str, line: str) -> None:
    file.write_text(text)
    env = {"ANSWERLOOP_STRATEGIES_FILE": str(file)}
    done = CliRunner().invoke(cli, ["config", "strategies"], env=env)
    assert line in done.stderr
    assert bool(line) == bool(done.stderr)


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("GUARDS", "echo", "when 2 is never used: the guards in force are without cut_off"),
        ("GUARDS", "echo,cut_off", ""),
        ("MAX_GENERATIONS", "2", "when 2 is never used: generation 3 > 2"),
    ],
)
def test_the_command_warns_of_a_change_that_is_never_used(
    file: Path, setting: str, value: str, line: str
) -> None:
    file.write_text(CHANGES.replace(', "empty"', ""))
    env = {"ANSWERLOOP_STRATEGIES_FILE": str(file), f"ANSWERLOOP_{setting}": value}
    done = CliRunner().invoke(cli, ["config", "strategies", "--json"], env=env)
    assert line in done.stderr
    assert bool(line) == ("never used" in done.stderr)
    assert json.loads(done.stdout)


def test_what_is_shown_is_what_the_file_holds(file: Path) -> None:
    file.write_text(GOOD)
    assert read_strategies(file) == load_settings(strategies_file=file).strategies

"""STRATEGIES_FILE: how each generation is asked; the reference can't get into a prompt."""

from __future__ import annotations

import json
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
    assert fourth == third


def test_without_a_file_the_built_in_strategies_are_in_force() -> None:
    assert load_settings().strategies is STRATEGIES


BAD = [
    ("", ["0 generations"]),
    ("[[generation]]\n" * 101, ["101 generations", "1 to 100"]),
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


def test_what_is_shown_is_what_the_file_holds(file: Path) -> None:
    file.write_text(GOOD)
    assert read_strategies(file) == load_settings(strategies_file=file).strategies

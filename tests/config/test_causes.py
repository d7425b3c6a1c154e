"""CAUSES_FILE: read when the settings are; whatever is wrong stops the start, with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.config.causes import read_causes
from app.core.causes import BUILT_IN, Failure
from app.core.failures import CAUSES, Route
from app.errors import SettingsError
from app.settings import load_settings

GOOD = """
# One of our proxies says 429 when its queue is full.
[[rule]]
provider = "ollama"
status = 429
cause = "overloaded"

[[rule]]
provider = "llm.example.com:8443"
status = [503, 529]
code = "quota_exceeded"
cause = "insufficient_quota"

[[rule]]
broken = "timeout"
text = "no answer within 120 s"
cause = "gateway_timeout"

[[rule]]
contains = "maximum pending requests"
cause = "overloaded"

[routes]
context_exceeded = "overload"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "causes.toml"


def test_a_good_file_is_the_table_in_force(file: Path) -> None:
    file.write_text(GOOD)
    table = load_settings(causes_file=file).causes
    assert [rule.line for rule in table.rules] == [3, 8, 14, 19]
    assert table.rules[1].statuses == (503, 529)
    assert table.cause_of(Failure("ollama", status=429)).name == "overloaded"
    elsewhere = Failure("openai", "other.example.com", status=503, codes=("quota_exceeded",))
    assert table.cause_of(elsewhere).name == "overloaded"
    there = Failure("openai", "llm.example.com:8443", status=503, codes=("quota_exceeded",))
    assert table.cause_of(there).name == "insufficient_quota"
    assert table["context_exceeded"].route is Route.OVERLOAD


def test_without_a_file_the_built_in_table_is_in_force() -> None:
    assert load_settings().causes is BUILT_IN


def test_an_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("")
    table = read_causes(file)
    assert {name: table[name] for name in CAUSES} == CAUSES


#: What the file says -> what the message must hold.
BAD = [
    ("[[rule]\n", ["is no TOML", "line 1"]),
    ("rules = 1\n", ["line 1", "'rules'", "did you mean 'rule'"]),
    ("[rule]\nstatus = 429\n", ["line 1", "[[rule]]"]),
    ("[[rule]]\nstatus = 429\n", ["line 1", "rule 1", "no cause"]),
    ('[[rule]]\ncause = "timeout"\n', ["line 1", "rule 1", "condition", "status"]),
    ('[[rule]]\nstatus = 429\ncause = "overlaod"\n', ["line 3", "overlaod", "did you mean"]),
    ('[[rule]]\nstatus = 429\ncause = "zzz"\n', ["line 3", "known: overloaded, bad_gateway"]),
    ('[[rule]]\nstatus = 42\ncause = "timeout"\n', ["line 2", "100 to 599"]),
    ('[[rule]]\nstatus = "429"\ncause = "timeout"\n', ["line 2", "status"]),
    ('[[rule]]\nstatus = true\ncause = "timeout"\n', ["line 2", "status"]),
    ('[[rule]]\nstatus = []\ncause = "timeout"\n', ["line 2", "status"]),
    ('[[rule]]\nstatuss = 429\ncause = "timeout"\n', ["line 2", "'statuss'", "'status'"]),
    ('[[rule]]\ncode = ""\ncause = "timeout"\n', ["line 2", "code"]),
    ('[[rule]]\ncontains = 7\ncause = "timeout"\n', ["line 2", "contains"]),
    ('[[rule]]\nbroken = "hung"\ncause = "timeout"\n', ["line 2", "hung", "refused"]),
    ('[[rule]]\nprovider = "olama"\nstatus = 1\ncause = "x"\n', ["rule 1"]),
    (
        '[[rule]]\nstatus = 429\nprovider = "olama"\ncause = "timeout"\n',
        ["line 3", "did you mean 'ollama'"],
    ),
    (
        '[[rule]]\nstatus = 429\nprovider = "http://a.b"\ncause = "timeout"\n',
        ["line 3", "without scheme"],
    ),
    (
        '[[rule]]\nstatus = 429\ncause = "timeout"\n\n[[rule]]\nstatus = 9\ncause = "timeout"\n',
        ["line 6", "rule 2"],
    ),
    ('[routes]\nsurprise = "quota"\n', ["line 2", "surprise", "known:"]),
    ('[routes]\ntimeout = "later"\n', ["line 2", "timeout", "overload, quota, dead"]),
    ("[routes]\ntimeout = 1\n", ["line 2", "overload, quota, dead"]),
    ("routes = 1\n", ["line 1", "[routes]"]),
    ('rule = [{status = 429, cause = "zzz"}]\n', ["rule 1", "zzz"]),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_file_stops_the_start_and_says_where(file: Path, text: str, words: list[str]) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(causes_file=file)
    message = str(caught.value)
    assert message.startswith(f"ANSWERLOOP_CAUSES_FILE: {file}")
    for word in words:
        assert word in message, message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"\xff\xfe", b"#" * 1_000_001, b"a = " + b"[" * 100_000])
def test_what_is_no_such_file_at_all_stops_the_start(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(SettingsError, match="ANSWERLOOP_CAUSES_FILE"):
        read_causes(file)


def test_a_missing_file_and_a_folder_stop_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(SettingsError, match="can't be read"):
            read_causes(path)


def test_the_command_shows_what_follows_and_marks_what_the_file_changed(file: Path) -> None:
    file.write_text(GOOD)
    done = CliRunner().invoke(
        cli, ["config", "causes", "--json"], env={"ANSWERLOOP_CAUSES_FILE": str(file)}
    )
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    changed = [row for row in rows if row["changed"]]
    assert [row["from"] for row in changed[:4]] == [f"file, line {n}" for n in (3, 8, 14, 19)]
    assert {row["cause"] for row in changed[4:]} == {"context_exceeded"}
    assert changed[4]["waits_seconds"] == [5, 10, 20, 40, 80]
    plain = {row["failure"]: row for row in rows if not row["changed"]}
    assert (plain["429"]["route"], plain["429"]["waits_seconds"]) == ("quota", [60] * 5)
    assert (plain["400"]["route"], plain["400"]["waits_seconds"]) == ("dead", [])
    assert {row["cause"] for row in rows} == set(CAUSES)


def test_the_command_warns_of_rules_that_are_never_reached(file: Path) -> None:
    file.write_text(
        '[[rule]]\nstatus = [429, 503]\ncause = "overloaded"\n'
        '[[rule]]\nprovider = "ollama"\nstatus = 429\ncause = "rate_limited"\n'
    )
    done = CliRunner().invoke(cli, ["config", "causes"], env={"ANSWERLOOP_CAUSES_FILE": str(file)})
    assert done.exit_code == 0
    assert "rule 2 is never reached: rule 1 matches before it" in done.output


def test_the_command_refuses_a_bad_file(file: Path) -> None:
    file.write_text("[[rule]]\n")
    done = CliRunner().invoke(cli, ["config", "causes"], env={"ANSWERLOOP_CAUSES_FILE": str(file)})
    assert done.exit_code != 0

"""Parts of `dlq`: bytes on a terminal, transforms of the operator, filter options."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.dlq_options import read_filter
from app.cli.dlq_print import shown_bytes
from app.cli.dlq_requests import parts_of
from app.cli.dlq_transform import Letter, TransformFailed, load_transform
from app.core.redrive import LetterFilter, LetterState
from app.errors import InputError
from app.letters.plans import Mended
from app.letters.shown import filter_of


@given(st.binary(max_size=300))
def test_no_byte_reaches_the_terminal_as_a_control_character(value: bytes) -> None:
    shown = shown_bytes(value)
    assert all(c == "\n" or c.isprintable() for c in shown)


def test_text_is_shown_as_text_with_its_escapes_named() -> None:
    assert shown_bytes('{"ñ": "a\x1b[31mred"}'.encode()) == '{"ñ": "a\\x1b[31mred"}'
    assert shown_bytes(b"a\tb\nc") == "a\\tb\nc"


def test_what_is_no_text_is_hexadecimal() -> None:
    assert shown_bytes(b"\xff\x00AB") == f"00000000  {'ff 00 41 42':<48} ..AB"
    assert "\n00000010  " in shown_bytes(bytes(range(20)))


def test_long_bytes_are_cut_and_say_so() -> None:
    shown = shown_bytes("ñ".encode() * 4000)
    assert shown.endswith("3904 bytes more: --json has them in base64")


def row(**changes: Any) -> dict[str, Any]:
    def encoded(value: bytes) -> str:
        return base64.b64encode(value).decode()

    letter = {
        "origin": "t/0/1",
        "topic": "t",
        "cause": "rejected",
        "detail": "not JSON",
        "attempts": 0,
        "question_id": None,
        "key_base64": encoded(b"k"),
        "value_base64": encoded(b"old"),
        "redrive": {"as": "bytes"},
    }
    return letter | changes


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(body: str) -> Path:
        path = tmp_path / "mend.py"
        path.write_text(body, encoding="utf-8")
        return path

    return write


def test_a_transform_gets_the_letter_and_gives_new_bytes(write: Any) -> None:
    path = write(
        "def fix(letter):\n"
        "    assert (letter.key, letter.cause, letter.detail) == (b'k', 'rejected', 'not JSON')\n"
        "    return letter.value + b' new'\n"
    )
    assert load_transform(f"{path}:fix")(row()) == Mended(b"old new")


def test_a_transform_may_give_a_key_too_or_leave_the_letter(write: Any) -> None:
    path = write(
        "def key(letter):\n    return b'id', b'v'\n\ndef leave(letter):\n    return None\n"
    )
    assert load_transform(f"{path}:key")(row()) == Mended(b"v", b"id")
    assert load_transform(f"{path}:leave")(row()) is None


def test_of_a_question_the_value_is_its_new_round(write: Any) -> None:
    path = write("def f(letter):\n    return letter.value + b'|' + letter.original\n")
    new = base64.b64encode(b"new").decode()
    redrive = {"as": "question", "key_base64": new, "value_base64": new}
    assert load_transform(f"{path}:f")(row(redrive=redrive)) == Mended(b"new|old")


def test_an_error_of_a_transform_names_its_line(write: Any) -> None:
    path = write("def fix(letter):\n    x = 1\n    return {}['no']\n")
    with pytest.raises(TransformFailed, match=r"mend\.py:3: KeyError: 'no'"):
        load_transform(f"{path}:fix")(row())


@pytest.mark.parametrize(
    "returned", ["'text'", "7", "(b'a', 'b')", "(b'a', b'b', b'c')", "('a', b'b')"]
)
def test_what_is_no_bytes_is_refused_with_the_place(write: Any, returned: str) -> None:
    path = write(f"def fix(letter):\n    return {returned}\n")
    with pytest.raises(TransformFailed, match=r"mend\.py:1: returned .*return bytes"):
        load_transform(f"{path}:fix")(row())


@pytest.mark.parametrize(
    ("body", "function", "words"),
    [
        ("def fix(letter:\n", "fix", r"mend\.py:1: "),
        ("import nowhere_at_all\n", "fix", r"mend\.py:1: ModuleNotFoundError"),
        ("fix = 7\n", "fix", "has no function fix"),
        ("", "fix", "has no function fix"),
        ("", "not a name", r"write FILE\.py:function"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(
    write: Any, body: str, function: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        load_transform(f"{write(body)}:{function}")
    with pytest.raises(InputError, match="there is no file"):
        load_transform("missing.py:fix")


def test_a_letter_names_what_a_transform_may_read() -> None:
    assert "original" in Letter.__slots__


def test_options_become_a_filter() -> None:
    found = read_filter({"cause": ("a,b", "c"), "topic": None, "since": "2h", "state": "all"})
    assert (found.causes, found.state) == (("a", "b", "c"), LetterState.ALL)
    assert found.since is not None
    assert read_filter({"cause": (), "until": None}) == LetterFilter()
    assert read_filter({"since": "2026-11-25T18:00:00Z"}).since == 1795629600.0
    assert read_filter({"since": "2026-11-25"}).since == 1795564800.0


@pytest.mark.parametrize(
    ("parts", "option"),
    [
        ({"since": "soon"}, "--since"),
        ({"until": "9999999999d "}, "--until"),
        ({"since": "1h", "until": "2h"}, "--until"),
        ({"topic": "x", "since": "2026-02-30"}, "--since"),
    ],
)
def test_a_bad_option_is_named(parts: dict[str, Any], option: str) -> None:
    with pytest.raises(click.BadParameter) as error:
        read_filter(parts)
    assert error.value.param_hint == option


@pytest.mark.parametrize(
    ("parts", "option"),
    [
        ({"cause": ("",)}, "--cause"),
        ({"cause": ("rejected", " , ")}, "--cause"),
        ({"question_id": ""}, "--question"),
        ({"topic": ""}, "--topic"),
        ({"since": " "}, "--since"),
        ({"until": ""}, "--until"),
    ],
)
def test_an_empty_option_never_means_all_letters(parts: dict[str, Any], option: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        read_filter(parts)
    assert refused.value.param_hint == option


@pytest.mark.parametrize(
    "part", [{"cause": [" "]}, {"cause": ""}, {"cause": ","}, {"since": ""}, {"topic": ""}]
)
def test_an_empty_part_of_a_filter_over_http_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        filter_of(part, 0.0)


def test_letters_go_in_requests_that_a_worker_takes() -> None:
    letters = {f"t/0/{n}": Mended(b"x" * 80_000) for n in range(100)} | {"t/0/100": None}
    parts = list(parts_of(letters))
    assert {origin: each for part in parts for origin, each in part.items()} == letters
    for part in parts:
        assert sum(4 * len(each.value) // 3 for each in part.values() if each) < 3_600_000
    assert len(parts) == 4
    assert list(parts_of({})) == []
    huge = {"t/0/1": Mended(b"x" * 3_000_000), "t/0/2": None}
    assert [list(part) for part in parts_of(huge)] == [["t/0/1"], ["t/0/2"]]

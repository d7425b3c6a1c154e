"""Records as text: kcat's formats and JSON, and hostile bytes that steer no terminal."""

from __future__ import annotations

import base64
import json

import pytest

from app.errors import InputError
from app.inspection.shown import formatter, json_line, line_for_people
from app.inspection.tailing import Seen
from app.transports import RawRecord

HOSTILE = [
    b"\x1b]0;owned\x07",
    b"\x1b[2J\x1b[H",
    "safe\u202egnp.exe".encode(),
    b"line\nfake 9/9 line",
    b"\x9b31m",
    "\u009b31m".encode(),
    b"\xff\xfe\x00",
    "\u2028\u2066\ufeff\x7f".encode(),
]
OBEYED = {*range(32), *range(0x7F, 0xA0), 0x202E, 0x2028, 0x2066, 0xFEFF}


def record(key: bytes | None, value: bytes | None, headers: object = None) -> RawRecord:
    return RawRecord("t", 3, 17, 1_700_000_000.123, headers, key, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("%t[%p]@%o", b"t[3]@17"),
        (r"%T\t%K\t%S\n", b"1700000000123\t1\t5\n"),
        (r"%k=%s%%\x41\\n", b"k=value%A\\n"),
        ("%h", b"a=1,b=2"),
        ("¿%s?", "¿value?".encode()),
    ],
)
def test_a_format_of_kcat(text: str, shown: bytes) -> None:
    found = record(b"k", b"value", [("a", b"1"), ("b", b"2")])
    assert formatter(text, for_terminal=False)(found) == shown


def test_null_is_empty_and_of_length_minus_one() -> None:
    assert formatter("[%k][%s]%K %S", for_terminal=False)(record(None, None)) == b"[][]-1 -1"


@pytest.mark.parametrize("text", ["%x", "100%", "% s"])
def test_an_unknown_letter_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="none of %t"):
        formatter(text, for_terminal=False)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_bytes_are_escaped_on_a_terminal_and_whole_in_a_pipe(value: bytes) -> None:
    found = record(value, value, [("h", value)])
    shown = formatter("%k %s %h", for_terminal=True)(found).decode()
    assert not {ord(c) for c in shown} & OBEYED
    assert formatter("%s", for_terminal=False)(found) == value
    for problem in (None, f"bad {value!r}", value.decode("latin-1")):
        line = line_for_people(Seen(found, problem), "LlmAnswer")
        assert not {ord(c) for c in line} & OBEYED


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_bytes_in_json_are_escaped_and_come_back_exactly(value: bytes) -> None:
    for seen in (Seen(record(value, value), "bad"), Seen(record(value, value), None)):
        line = json_line(seen, checked=False)
        assert not {ord(c) for c in line.decode()} & OBEYED
        row = json.loads(line)
        key = row["key"].encode() if row["key"] is not None else base64.b64decode(row["key_base64"])
        assert key == value
        got = row["payload"]
        back = got.encode() if got is not None else base64.b64decode(row["payload_base64"])
        assert back == value


def test_hostile_text_inside_a_record_is_escaped_too() -> None:
    inside = '{"type":"x","answer":"\x9b31m \u202e <b>","cause":"\\u001b[31m"}'.encode()
    seen = Seen(record(b"k", inside), None)
    line = json_line(seen)
    assert not {ord(c) for c in line.decode()} & OBEYED
    assert json.loads(line)["payload"] == json.loads(inside)
    assert not {ord(c) for c in line_for_people(seen, "LlmAnswer")} & OBEYED


def test_json_has_the_names_of_kcat_in_one_line() -> None:
    seen = Seen(record(b"k", b'{\n "a": 1}', {"h": b"1"}), None)
    line = json_line(seen)
    assert b"\n" not in line
    assert json.loads(line) == {
        "topic": "t",
        "partition": 3,
        "offset": 17,
        "tstype": "create",
        "ts": 1_700_000_000_123,
        "headers": ["h", "1"],
        "key": "k",
        "payload": {"a": 1},
    }
    assert json.loads(json_line(seen, raw=True))["payload"] == '{\n "a": 1}'
    assert json.loads(json_line(Seen(record(None, None), "null")))["payload"] is None


def test_people_see_the_reason_and_the_bytes_of_what_is_no_record() -> None:
    line = line_for_people(Seen(record(b"k", b"\xff" * 300), "no JSON"), "LlmAnswer")
    assert "3/17 k UNDECODABLE no JSON | 300 bytes ff" in line
    assert line.endswith("ff...")
    fine = b'{"type":"t","question_id":"q","generation":2,"attempt":3,"answer":"%s"}' % (b"y" * 500)
    line = line_for_people(Seen(record(b"q", fine), None), "LlmAnswer")
    assert line.startswith('2023-11-14T22:13:20.123Z 3/17 q LlmAnswer 0.2.3 answer="yyy')
    assert len(line) < 200

"""Records as text: for people, as `kcat -J` has them, or by a format of `kcat -f`.

Keys, values and headers are other people's bytes. On a terminal nothing of them is obeyed: control
and invisible characters are written as escapes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from app.core.questions import timestamp
from app.errors import InputError
from app.inspection.decoding import json_of
from app.inspection.tailing import Seen
from app.transports import RawRecord

#: Characters that JSON leaves as they are, and that a terminal may obey.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_SHOWN_BYTES = 256
_SHOWN_CHARACTERS = 100
_PARTS = re.compile(r"%(.)|%|([^%]+)", re.DOTALL)
_ESCAPES = re.compile(r"\\(n|r|t|0|\\|x[0-9a-fA-F]{2})")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}
_LEFT_OUT = {"type", "question_id", "round", "generation", "attempt"}

Part = Callable[[RawRecord], bytes]


def escaped(text: str) -> str:
    """Return a text in one line, with escapes for all that a terminal would obey or not show."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def text_of(value: bytes | None) -> str | None:
    """Return bytes as the text that they are, None when they are none."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def line_for_people(seen: Seen, record_name: str) -> str:
    """Return a record in one line: time, place, key, then turn and fields, long texts cut."""
    record = seen.record
    key = "-" if record.key is None else _short(record.key)
    begin = f"{timestamp(record.timestamp)} {record.partition}/{record.offset} {key}"
    if seen.problem is not None:
        size = 0 if record.value is None else len(record.value)
        shown = "" if record.value is None else f" {record.value[:_SHOWN_BYTES].hex()}"
        more = "..." if size > _SHOWN_BYTES else ""
        return f"{begin} UNDECODABLE {escaped(seen.problem)} | {size} bytes{shown}{more}"
    fields = seen.fields if seen.fields is not None else json_of(record.value)
    if not isinstance(fields, dict):
        return f"{begin} {summary(seen)}"
    return f"{begin} {record_name} {summary(seen._replace(fields=fields))}".rstrip()


def summary(seen: Seen) -> str:
    """Return the value of a record that fits in one line: turn and fields, long texts cut."""
    value = seen.record.value
    fields = seen.fields if seen.fields is not None else json_of(value)
    if isinstance(fields, dict):
        return " ".join(_fields(fields))
    return "null" if value is None else _short(value)


def _short(value: bytes) -> str:
    text = text_of(value)
    if text is None:
        cut = value[:_SHOWN_BYTES].hex()
        return f"0x{cut}..." if len(value) > _SHOWN_BYTES else f"0x{cut}"
    return escaped(text)


def _fields(fields: dict[str, Any]) -> Iterator[str]:
    if "attempt" in fields or "generation" in fields:
        yield ".".join(str(fields.get(n, d)) for n, d in _TURN_DEFAULTS)
    for name, value in sorted(fields.items(), key=lambda field: field[0] not in _FIRST):
        if name not in _LEFT_OUT and value not in (None, {}, []):
            yield f"{escaped(name)}={_cut(value)}"


#: What says how it went stands before long texts.
_FIRST = ("cause", "status")
_TURN_DEFAULTS = (("round", 0), ("generation", 1), ("attempt", 1))


def _cut(value: Any) -> str:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        value = value[:_SHOWN_CHARACTERS] + "…"
    elif isinstance(value, dict | list):
        text = escaped(msgspec.json.encode(value).decode())
        return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return escaped(msgspec.json.encode(value).decode())


def json_line(seen: Seen, *, raw: bool = False, checked: bool = True) -> bytes:
    r"""Return a record as one line of JSON, with kcat's names; `payload` is the decoded record.

    `error`, `payload_base64` and `key_base64` are there where something is no record, or no text.
    What a terminal may obey is written as `\\uXXXX`. `checked` says that a value without a problem
    is JSON for sure.
    """
    record = seen.record
    row: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "tstype": "create",
        "ts": round(record.timestamp * 1000),
        "headers": [text for pair in _headers(record) for text in pair],
        "key": text_of(record.key),
    }
    if record.key is not None and row["key"] is None:
        row["key_base64"] = base64.b64encode(record.key).decode()
    if seen.problem is not None:
        row["error"] = seen.problem
    if seen.problem is None and not raw and record.value is not None and _json(record, checked):
        row["payload"] = msgspec.Raw(_in_one_line(record.value))
    else:
        row["payload"] = text_of(record.value)
        if record.value is not None and (row["payload"] is None or seen.problem is not None):
            row["payload_base64"] = base64.b64encode(record.value).decode()
    line = msgspec.json.encode(row)
    if not line.isascii() or b"\x7f" in line:
        line = _OBEYED.sub(
            lambda c: f"\\u{ord(c.group()):04x}", line.decode("utf-8", "replace")
        ).encode()
    return line


def _json(record: RawRecord, checked: bool) -> bool:
    return checked or json_of(record.value) is not None


def _in_one_line(value: bytes) -> bytes:
    return msgspec.json.format(value, indent=-1) if b"\n" in value or b"\r" in value else value


def _headers(record: RawRecord) -> list[tuple[str, str]]:
    pairs = record.headers or ()
    items = pairs.items() if hasattr(pairs, "items") else pairs
    return [(str(name), text_of(value) or value.hex()) for name, value in items]


def formatter(text: str, *, for_terminal: bool) -> Callable[[RawRecord], bytes]:
    r"""Return the format that a text of `kcat -f` states. Raises InputError.

    `%t %p %o %k %s %T %h %S %K %%` and `\n \r \t \0 \\ \xNN`. `for_terminal` escapes what is in
    keys, values and headers; else their bytes are written as they are.
    """
    parts: list[Part] = []
    for found in _PARTS.finditer(text):
        letter, literal = found[1], found[2]
        if literal is not None:
            parts.append(_literal(literal))
        elif letter == "%":
            parts.append(_literal("%"))
        elif letter in _LETTERS:
            parts.append(_of_letter(letter, for_terminal=for_terminal))
        else:
            raise InputError(
                f"%{letter or ''} is none of %t %p %o %k %s %T %h %S %K %%", field="--format"
            )
    return lambda record: b"".join([part(record) for part in parts])


def _literal(text: str) -> Part:
    value = _ESCAPES.sub(
        lambda e: _ESCAPED[e[1]] if e[1] in _ESCAPED else chr(int(e[1][1:], 16)), text
    ).encode("latin-1" if text.isascii() else "utf-8")
    return lambda _: value


def _of_letter(letter: str, *, for_terminal: bool) -> Part:
    read = _LETTERS[letter]
    if not for_terminal or letter in "tpoTSK":
        return read

    def safely(record: RawRecord) -> bytes:
        return escaped(read(record).decode("utf-8", "backslashreplace")).encode()

    return safely


def _length(value: bytes | None) -> bytes:
    return b"%d" % (-1 if value is None else len(value))


_LETTERS: dict[str, Part] = {
    "t": lambda record: record.topic.encode(),
    "p": lambda record: b"%d" % record.partition,
    "o": lambda record: b"%d" % record.offset,
    "k": lambda record: record.key or b"",
    "s": lambda record: record.value or b"",
    "T": lambda record: b"%d" % round(record.timestamp * 1000),
    "h": lambda record: ",".join(f"{n}={v}" for n, v in _headers(record)).encode(),
    "S": lambda record: _length(record.value),
    "K": lambda record: _length(record.key),
}

"""A record as JSON: a line of a list, or all of it. Bytes that are no text are base64."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from app.core.questions import timestamp
from app.inspection.decoding import TopicDecoder, json_of
from app.inspection.filters import Condition
from app.inspection.shown import summary, text_of
from app.inspection.tailing import Seen
from app.transports import RawRecord

#: What a list shows of a key and of a value.
LISTED_CHARACTERS = 400
LISTED_BYTES = 64
#: What is shown of one value.
MOST_BYTES = 1024 * 1024

Judge = Callable[[RawRecord], dict[str, Any] | None]


def row_judge(
    decoder: TopicDecoder,
    *,
    key: bytes | None = None,
    conditions: Sequence[Condition] = (),
    bad_only: bool = False,
) -> Judge:
    """Return what makes a list's line of a record, or None of one that is not looked for."""

    def judge(record: RawRecord) -> dict[str, Any] | None:
        if key is not None and record.key != key:
            return None
        problem = decoder.problem(record)
        if bad_only and problem is None:
            return None
        fields = None
        if conditions:
            fields = None if problem is not None else json_of(record.value)
            if problem is not None or not all(holds(fields) for holds in conditions):
                return None
        return listed(Seen(record, problem, fields))

    return judge


def listed(seen: Seen) -> dict[str, Any]:
    """Return a record as a list has it: long keys and values are cut."""
    record = seen.record
    key = text_of(record.key)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "at": timestamp(record.timestamp),
        "key": None if key is None else key[:LISTED_CHARACTERS],
        "key_hex": _start_hex(record.key) if key is None else None,
        "headers": len(header_pairs(record)),
        "bytes": None if record.value is None else len(record.value),
        "problem": None if seen.problem is None else seen.problem[:LISTED_CHARACTERS],
        "summary": _summary(seen),
    }


def _summary(seen: Seen) -> str | None:
    value = seen.record.value
    if value is None:
        return None
    if seen.problem is None:
        return summary(seen)[:LISTED_CHARACTERS]
    text = _start_text(value, LISTED_CHARACTERS)
    return text if text is not None else _start_hex(value)


def _start_hex(value: bytes | None) -> str | None:
    if value is None:
        return None
    return value[:LISTED_BYTES].hex(" ") + (" …" if len(value) > LISTED_BYTES else "")


def header_pairs(record: RawRecord) -> list[tuple[str, bytes]]:
    """Return the headers in their order; one name may come twice."""
    pairs: Any = record.headers or ()
    items = pairs.items() if hasattr(pairs, "items") else pairs
    return [(str(name), bytes(value or b"")) for name, value in items]


def whole(record: RawRecord, decoder: TopicDecoder) -> dict[str, Any]:
    """Return all of a record; of a value over `MOST_BYTES` the beginning (`cut`)."""
    value = record.value
    shown = None if value is None else value[:MOST_BYTES]
    problem = decoder.problem(record)
    key = text_of(record.key)
    text = None if value is None else _start_text(value, MOST_BYTES)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "at": timestamp(record.timestamp),
        "record": decoder.record,
        "key": key,
        "key_base64": _base64(record.key) if key is None else None,
        "question_id": key if decoder.keyed_by_us and problem is None else None,
        "headers": [
            {
                "name": name,
                "value": text_of(each),
                "value_base64": _base64(each) if text_of(each) is None else None,
            }
            for name, each in header_pairs(record)
        ],
        "bytes": None if value is None else len(value),
        "cut": value is not None and len(value) > MOST_BYTES,
        "problem": problem,
        "value": text,
        "value_base64": _base64(shown) if text is None or problem is not None else None,
    }


def _start_text(value: bytes, size: int) -> str | None:
    """Return the beginning of a text, None of bytes that are none; no character is halved."""
    whole_text = text_of(value[:size])
    if whole_text is not None or len(value) <= size:
        return whole_text
    shorter = (text_of(value[: size - n]) for n in (1, 2, 3))
    return next((text for text in shorter if text is not None), None)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()

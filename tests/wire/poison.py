"""Messages that no topic may swallow (M1 of the fault catalogue), made from a good one."""

from __future__ import annotations

import json
from typing import Any

from app.wire import WireGate
from models import questions as q

NOW = 1_700_000_000.0
STATE: dict[str, Any] = {
    "question_id": "q1",
    "question_text": "Why is the sky blue?",
    "model": "m",
    "accepted_at": NOW,
    "original_answer": "Because.",
}
GOOD = {
    "questions_pending": q.Question(**STATE),
    "llm_requests": q.LlmRequest(**STATE),
    "llm_responses_success": q.LlmAnswer(**STATE, answer="So.", answered_at=NOW, seconds=1.0),
    "llm_responses_error": q.LlmFailure(**STATE, cause="overloaded", failed_at=NOW),
    "errors_overload": q.LlmFailure(**STATE, cause="overloaded", failed_at=NOW),
    "errors_quota": q.LlmFailure(**STATE, cause="rate_limited", failed_at=NOW),
    "retries_due": q.RetryDue(question_id="q1", round=0, generation=1, attempt=1, due_at=NOW),
    "validated_responses": q.ScoredAnswer(
        **STATE, answer="So.", status="validated", final=True, finished_at=NOW, why="good"
    ),
    "low_quality_responses": q.ScoredAnswer(
        **STATE, answer="So.", status="low_quality", final=True, finished_at=NOW, why="weak"
    ),
    "dead_letters": q.DeadLetter(
        origin_topic="t",
        origin_partition=0,
        origin_offset=0,
        cause="timeout",
        detail="",
        first_seen_at=NOW,
        dead_at=NOW,
    ),
    "questions_settled": q.QuestionSettled(
        question_id="q1", round=0, status="dead", settled_at=NOW
    ),
}
_A_TIME = {
    "retries_due": "due_at",
    "dead_letters": "dead_at",
    "questions_settled": "settled_at",
}


def good_bytes(topic: str) -> bytes:
    record = GOOD[topic]
    return WireGate(type(record)).encode(record)


def poisons(topic: str) -> dict[str, tuple[bytes | None, bytes | None]]:
    """Name to (key, value) of everything that is wrong on this topic."""
    good = good_bytes(topic)
    fields = json.loads(good)
    when = _A_TIME.get(topic, "accepted_at")
    text = next(name for name, value in fields.items() if isinstance(value, str) and name != "type")

    def but(**changed: Any) -> bytes:
        return json.dumps({**fields, **changed}).encode()

    def raw(name: str, literal: bytes) -> bytes:
        return but(**{name: "@@"}).replace(b'"@@"', literal)

    other = "llm_requests" if topic != "llm_requests" else "retries_due"
    values: dict[str, bytes | None] = {
        "not json": b"hello",
        "empty": b"",
        "blank": b"  ",
        "null": None,
        "json null": b"null",
        "an array": b"[" + good + b"]",
        "a number": b"42",
        "a string": json.dumps(good.decode()).encode(),
        "truncated": good[:-1],
        "cut in half": good[: len(good) // 2],
        "something after it": good + b"{}",
        "no type": but(type=None),
        "type missing": json.dumps({k: v for k, v in fields.items() if k != "type"}).encode(),
        "unknown type": but(type="answerloop.Surprise"),
        "type of another topic": good_bytes(other),
        "unknown field": but(surprise=1),
        "missing field": json.dumps({k: v for k, v in fields.items() if k != when}).encode(),
        "text as number": but(**{text: 7}),
        "text as list": but(**{text: ["x"]}),
        "text too long": but(**{text: "x" * 70_000}),
        "time as text": but(**{when: "2024-01-01"}),
        "time zero": but(**{when: 0}),
        "time negative": but(**{when: -1.7e9}),
        "time in year 9999": but(**{when: 253_402_300_799}),
        "time in milliseconds": but(**{when: 1.7e12}),
        "NaN": raw(when, b"NaN"),
        "Infinity": raw(when, b"Infinity"),
        "1e400": raw(when, b"1e400"),
        "10^5000": raw(when, b"1" + b"0" * 5000),
        "lone surrogate": raw(text, b'"\\ud800"'),
        "NUL": raw(text, b'"a\\u0000b"'),
        "raw control character": raw(text, b'"a\x01b"'),
        "bad UTF-8": raw(text, b'"a\xffb"'),
        "overlong UTF-8": raw(text, b'"a\xc0\xafb"'),
        "byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        "100,000 brackets": b"[" * 100_000,
        "nested in a field": raw(text, b"[" * 100_000 + b"]" * 100_000),
        "10 MB": b"x" * 10_000_000,
        "10 MB of JSON": but(surprise="x" * 10_000_000),
        "10 MB text": but(**{text: "x" * 10_000_000}),
        "single quotes": good.replace(b'"', b"'"),
        "python repr": repr(fields).encode(),
        "trailing comma": good[:-1] + b",}",
        "comment": b"/* */" + good,
    }
    if "metadata" in fields:
        values |= {
            "metadata of 40 levels": raw("metadata", b'{"a":' * 40 + b"1" + b"}" * 40),
            "metadata of 900 levels": raw("metadata", b'{"a":' * 900 + b"1" + b"}" * 900),
            "metadata NUL": raw("metadata", b'{"a":"\\u0000"}'),
            "metadata surrogate": raw("metadata", b'{"a":"\\udfff"}'),
            "metadata list": raw("metadata", b"[]"),
            "metadata 1e400": raw("metadata", b'{"a":1e400}'),
            "metadata 10^5000": raw("metadata", b'{"a":1' + b"0" * 5000 + b"}"),
            "attempt 0": but(attempt=0),
            "attempt -1": but(attempt=-1),
            "attempt as text": but(attempt="1"),
            "attempt as float": but(attempt=1.0),
            "attempt true": but(attempt=True),
            "attempt beyond": but(attempt=10_001),
            "attempt 2^64": but(attempt=2**64),
            "generation null": but(generation=None),
            "round negative": but(round=-1),
            "question id blank": but(question_id="a b"),
            "question id empty": but(question_id=""),
        }
    found: dict[str, tuple[bytes | None, bytes | None]] = {
        name: (b"q1", value) for name, value in values.items()
    }
    if "question_id" in fields:
        found["null key"] = (None, good)
        found["empty key"] = (b"", good)
        found["wrong key"] = (b"q2", good)
        found["key that is no text"] = (b"\xff\xfe", good)
        found["key of 2 MB"] = (b"k" * 2_000_000, good)
    return found

"""Messages that are none: what a wrong program, a broken disk or an enemy puts on a topic."""

from __future__ import annotations

from collections.abc import Iterator

_KEY = b"poison"
_QUESTION = {
    "type": '"answerloop.Question"',
    "question_id": '"poison"',
    "question_text": '"Why?"',
    "model": '"m"',
    "accepted_at": "1700000000.0",
}


def poisons() -> Iterator[tuple[bytes | None, bytes | None]]:
    """Return key and value of each; none of them is valid on any topic."""
    for value in _no_records():
        yield _KEY, value
    for field, literal in _SPOILT:
        yield _KEY, _but(field, literal)
    yield None, b"{}"
    yield b"\xff\xfe", b"{}"


def _no_records() -> tuple[bytes | None, ...]:
    good = _but("model", b'"m"')
    return (
        None,
        b"",
        b"hello",
        b"null",
        b"42",
        b"[" + good + b"]",
        good[:-1],
        good + b"{}",
        b"\xef\xbb\xbf" + good,
        b"[" * 100_000,
        b"x" * 1_500_000,
    )


#: A question with one field that is not what it must be.
_SPOILT = (
    ("type", b'"answerloop.Surprise"'),
    ("surprise", b"1"),
    ("accepted_at", b"NaN"),
    ("accepted_at", b"1e400"),
    ("accepted_at", b"1" + b"0" * 5000),
    ("accepted_at", b"0"),
    ("accepted_at", b"-1"),
    ("accepted_at", b"253402300799000"),
    ("accepted_at", b'"now"'),
    ("question_text", b"7"),
    ("question_text", b'"\xff\xfe"'),
    ("question_text", b'"\\ud800"'),
    ("question_text", b'"a\\u0000b"'),
    ("question_id", b'""'),
)


def _but(field: str, literal: bytes) -> bytes:
    fields = {name: value.encode() for name, value in _QUESTION.items()} | {field: literal}
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), v) for name, v in fields.items()) + b"}"

"""Rating events that no state may swallow, each with the rule it breaks; made from a good one."""

from __future__ import annotations

import json
from typing import Any

from app.core.ratings.events import MAX_TIMESTAMP_MS, RatingLimits

LIMITS = RatingLimits(max_user_id=138_493, max_movie_id=131_262)
FIELDS: dict[str, Any] = {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1_761_763_121_809}
KEY = b"7"
GOOD = json.dumps(FIELDS).encode()


def but(**changed: Any) -> bytes:
    return json.dumps({**FIELDS, **changed}).encode()


def raw(name: str, literal: bytes) -> bytes:
    return but(**{name: "@@"}).replace(b'"@@"', literal)


def without(*names: str) -> bytes:
    return json.dumps({k: v for k, v in FIELDS.items() if k not in names}).encode()


#: Spelt in a way that nobody expects, and right all the same.
UNUSUAL = {
    "another order": json.dumps(dict(reversed(FIELDS.items()))).encode(),
    "blanks": json.dumps(FIELDS, indent=8).encode() + b" \r\n\t",
    "very many blanks": b" " * 5000 + GOOD,
    "escaped name": GOOD.replace(b"userId", b"\\u0075serId"),
    "rating as an integer": but(rating=5),
    "rating with an exponent": raw("rating", b"35e-1"),
    "rating with zeros": raw("rating", b"3.50000"),
    "least of all": but(movieId=1, rating=0.5, timestamp=1),
    "greatest of all": but(movieId=131_262, rating=5.0, timestamp=MAX_TIMESTAMP_MS),
}

#: Name to (key, value, rule).
BAD: dict[str, tuple[bytes | None, bytes | None, str]] = {
    name: (KEY, value, rule)
    for rule, values in {
        "malformed": {
            "not json": b"hello",
            "empty": b"",
            "blank": b"  ",
            "null": None,
            "json null": b"null",
            "an array": b"[" + GOOD + b"]",
            "a number": b"42",
            "a string": json.dumps(GOOD.decode()).encode(),
            "truncated": GOOD[:-1],
            "cut in half": GOOD[: len(GOOD) // 2],
            "something after it": GOOD + b"{}",
            "two events": GOOD + b"," + GOOD,
            "NaN": raw("rating", b"NaN"),
            "Infinity": raw("rating", b"Infinity"),
            "-Infinity": raw("timestamp", b"-Infinity"),
            "leading zero": raw("userId", b"07"),
            "plus sign": raw("userId", b"+7"),
            "hexadecimal": raw("userId", b"0x7"),
            "naked fraction": raw("rating", b".5"),
            "fraction without digits": raw("rating", b"3."),
            "other digits": raw("movieId", "\u0663".encode()),
            "a name twice": GOOD[:-1] + b',"rating":3.5}',
            "a name twice, once escaped": GOOD[:-1] + b',"\\u0072ating":3.5}',
            "a name twice within": raw("rating", b'{"a":1,"a":2}'),
            "raw control character": raw("rating", b'"a\x01b"'),
            "bad UTF-8": raw("rating", b'"a\xffb"'),
            "overlong UTF-8": raw("rating", b'"a\xc0\xafb"'),
            "byte order mark": b"\xef\xbb\xbf" + GOOD,
            "UTF-16": GOOD.decode().encode("utf-16"),
            "NUL after it": GOOD + b"\x00",
            "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
            "100,000 brackets": b"[" * 100_000,
            "5,000 brackets": b"[" * 5_000,
            "nested in a field": raw("rating", b"[" * 1_000 + b"]" * 1_000),
            "65 deep": raw("rating", b"[" * 64 + b"]" * 64),
            "10 MB": b"x" * 10_000_000,
            "10 MB of JSON": but(surprise="x" * 10_000_000),
            "10^20000": raw("userId", b"1" + b"0" * 20_000),
            "single quotes": GOOD.replace(b'"', b"'"),
            "python repr": repr(FIELDS).encode(),
            "trailing comma": GOOD[:-1] + b",}",
            "comment": b"/* */" + GOOD,
            "no colon": GOOD.replace(b":", b" ", 1),
        },
        "missing": {
            "an empty object": b"{}",
            "no userId": without("userId"),
            "no movieId": without("movieId"),
            "no rating": without("rating"),
            "no timestamp": without("timestamp"),
            "another spelling": GOOD.replace(b"userId", b"userid"),
            "missing, and a wrong type": json.dumps({"userId": 7, "rating": "5"}).encode(),
        },
        "type": {
            "userId as text": but(userId="7"),
            "userId null": but(userId=None),
            "userId as fraction": but(userId=7.0),
            "userId with an exponent": raw("userId", b"7e0"),
            "userId true": but(userId=True),
            "userId as list": but(userId=[7]),
            "movieId as fraction": but(movieId=32.0),
            "movieId beyond 64 bits": but(movieId=2**63),
            "movieId of 5000 digits": raw("movieId", b"1" + b"0" * 5000),
            "rating as text": but(rating="3.5"),
            "rating null": but(rating=None),
            "rating true": but(rating=True),
            "rating as object": but(rating={}),
            "rating beyond 64 bits": but(rating=2**64),
            "timestamp as text": but(timestamp="2025-01-01"),
            "timestamp as fraction": but(timestamp=1.7e12),
            "timestamp beyond 64 bits": but(timestamp=2**70),
            "lone surrogate": raw("rating", b'"\\ud800"'),
            "unknown field": but(surprise=1),
            "64 deep": raw("rating", b"[" * 63 + b"]" * 63),
            "brackets in a text": but(rating="[" * 200),
            "wrong type, and out of range": but(movieId=0, rating="x"),
        },
        "movie_id": {
            "movieId 0": but(movieId=0),
            "movieId negative": but(movieId=-1),
            "movieId beyond": but(movieId=131_263),
            "movieId, and rating, out of range": but(movieId=0, rating=9),
            "movieId of 63 bits": but(movieId=2**63 - 1),
        },
        "rating": {
            "rating 0": but(rating=0),
            "rating 0.0": but(rating=0.0),
            "rating -0.0": raw("rating", b"-0.0"),
            "rating 5.5": but(rating=5.5),
            "rating 6": but(rating=6),
            "rating negative": but(rating=-3.5),
            "rating 3.25": but(rating=3.25),
            "rating nearly 3.5": but(rating=3.5000001),
            "rating 1e400": raw("rating", b"1e400"),
            "rating, and timestamp, out of range": but(rating=0, timestamp=0),
        },
        "timestamp": {
            "timestamp 0": but(timestamp=0),
            "timestamp negative": but(timestamp=-1),
            "timestamp beyond the year 9999": but(timestamp=MAX_TIMESTAMP_MS + 1),
            "timestamp in nanoseconds": but(timestamp=1_761_763_121_809_000_000),
        },
    }.items()
    for name, value in values.items()
} | {
    "userId 0": (b"0", but(userId=0), "user_id"),
    "userId negative": (b"-7", but(userId=-7), "user_id"),
    "userId beyond": (b"138494", but(userId=138_494), "user_id"),
    "userId, and movieId, out of range": (b"0", but(userId=0, movieId=0), "user_id"),
    "null key": (None, GOOD, "malformed"),
    "empty key": (b"", GOOD, "malformed"),
    "wrong key": (b"8", GOOD, "malformed"),
    "key with a zero before it": (b"07", GOOD, "malformed"),
    "key with a blank": (b"7 ", GOOD, "malformed"),
    "key in quotes": (b'"7"', GOOD, "malformed"),
    "key that is no text": (b"\xff\xfe", GOOD, "malformed"),
    "key of 2 MB": (b"7" * 2_000_000, GOOD, "malformed"),
    "null key and null value": (None, None, "malformed"),
    "no userId to compare the key with": (None, without("userId"), "missing"),
}

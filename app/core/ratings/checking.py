"""Which rule an event breaks: the careful reading, which has the last word.

`app.wire.ratings` reads ordinary events faster, and asks here about everything that is unusual.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from app.core.ratings.events import MAX_TIMESTAMP_MS, Rating, RatingLimits, Refusal, Rule

FIELDS = ("userId", "movieId", "rating", "timestamp")
#: An event has about 70 bytes: one that is longer than this is not read at all.
MAX_EVENT_BYTES = 10_000
#: Brackets within brackets. Python's own limit depends on the stack: it may not decide.
MAX_DEPTH = 64

_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 20
_HALVES = frozenset(n / 2 for n in range(1, 11))
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_SHOWN = 80
_KINDS: dict[type, str] = {
    bool: "true or false",
    Mapping: "an object",
    list: "an array",
}


class _HugeInteger:
    """An integer that nobody needs to convert: Python refuses thousands of digits."""


class _NotJson(ValueError):
    """The text is no JSON for us. The message is for people."""


def read_carefully(
    key: bytes | None, value: bytes | None, limits: RatingLimits
) -> Rating | Refusal:
    """Return the rating of an event's key and value, or the first rule that it breaks."""
    try:
        found = _parsed(value)
    except _NotJson as error:
        return Refusal(Rule.MALFORMED, str(error))
    user = found.get("userId") if isinstance(found, dict) else None
    if type(user) is int and key != b"%d" % user:
        shown = "null" if key is None else repr(key[:_SHOWN])
        return Refusal(Rule.MALFORMED, f"the key is {shown}, not the userId {_shown(user)}")
    refusal = refusal_of(found, limits)
    return refusal if refusal is not None else rating_of(found)


def refusal_of(found: object, limits: RatingLimits) -> Refusal | None:
    """Return the first rule that a parsed event breaks, or None when it is valid."""
    if not isinstance(found, Mapping):
        return Refusal(Rule.MALFORMED, f"{_kind(found)}, not an object")
    missing = [name for name in FIELDS if name not in found]
    if missing:
        return Refusal(Rule.MISSING, f"{', '.join(missing)} is missing")
    return _type_refusal(found) or _range_refusal(found, limits)


def rating_of(found: Mapping[str, Any]) -> Rating:
    """Return the rating of a parsed event that is valid."""
    return Rating(found["userId"], found["movieId"], float(found["rating"]), found["timestamp"])


def _type_refusal(found: Mapping[Any, object]) -> Refusal | None:
    for name in FIELDS:
        value, fraction = found[name], name == "rating"
        if isinstance(value, _HugeInteger) or (type(value) is int and value not in _INT64):
            return Refusal(Rule.TYPE, f"{name} is beyond 64 bits")
        if type(value) is not int and not (fraction and type(value) is float):
            wanted = "a number" if fraction else "an integer"
            return Refusal(Rule.TYPE, f"{name} is {_kind(value)}, not {wanted}")
    unknown = [name for name in found if name not in FIELDS]
    if unknown:
        return Refusal(Rule.TYPE, f"{_shown(unknown[0])} is no field of a rating")
    return None


def _range_refusal(found: Mapping[Any, Any], limits: RatingLimits) -> Refusal | None:
    user, movie, rating, timestamp = (found[name] for name in FIELDS)
    if not 1 <= user <= limits.max_user_id:
        return Refusal(Rule.USER_ID, f"userId {user} is not in 1..{limits.max_user_id}")
    if not 1 <= movie <= limits.max_movie_id:
        return Refusal(Rule.MOVIE_ID, f"movieId {movie} is not in 1..{limits.max_movie_id}")
    if rating not in _HALVES:
        return Refusal(Rule.RATING, f"rating {rating} is not one of 0.5, 1.0, ... 5.0")
    if not 1 <= timestamp <= MAX_TIMESTAMP_MS:
        return Refusal(
            Rule.TIMESTAMP,
            f"timestamp {timestamp} is not in 1..{MAX_TIMESTAMP_MS} (milliseconds since 1970)",
        )
    return None


def _parsed(value: bytes | None) -> Any:
    if value is None:
        raise _NotJson("the value is null")
    if len(value) > MAX_EVENT_BYTES:
        raise _NotJson(f"{len(value)} bytes, more than {MAX_EVENT_BYTES}")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _NotJson(f"not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise _NotJson("begins with a byte order mark")
    if _depth(text) > MAX_DEPTH:
        raise _NotJson(f"nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(
            text,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_each_name_once,
        )
    except json.JSONDecodeError as error:
        raise _NotJson(f"not JSON: {error.msg} at character {error.pos}") from error


def _depth(text: str) -> int:
    """Return how deep brackets are nested, whether they match or not."""
    depth = deepest = 0
    if text.count("[") + text.count("{") > MAX_DEPTH:
        for char in _STRING.sub("", text):
            if char in "[{":
                depth += 1
                deepest = max(deepest, depth)
            elif char in "]}":
                depth -= 1
    return deepest


def _integer(digits: str) -> int | _HugeInteger:
    return int(digits) if len(digits) <= _INT64_DIGITS else _HugeInteger()


def _constant(name: str) -> Any:
    raise _NotJson(f"{name} is not JSON")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotJson(f"{_shown(twice)} is there twice")
    return found


def _kind(value: object) -> str:
    """Say what a value is, for people."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return _shown(value)


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

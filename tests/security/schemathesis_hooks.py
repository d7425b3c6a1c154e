"""What a schema can't say: a cursor is one of the server's, an idempotency key is used once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.generation import GenerationMode

#: Each says where a page of a topic's messages begins: they exclude each other.
PLACES = ("before", "after", "from_time", "offset")
#: Texts with a grammar, and numbers of what a topic has: a description has no words for them.
ALL = ",".join(f"{partition}:98" for partition in range(8))
MEANT = {"before": ALL, "after": ALL, "from_time": "2h", "partition": 0}
MEANT |= {"filter": "cause=overloaded && attempt>1"}


def is_good(case: Any) -> bool:
    return case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE


def _with_ints(value: Any) -> Any:
    """Return JSON with 2 for 2.0: JSON Schema has it for an integer, a strict decoder has not."""
    if isinstance(value, dict):
        return {name: _with_ints(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_ints(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Take out of good requests what depends on something else."""
    if not is_good(case):
        if case.path == "/live" and "events" not in (case.query or {}):
            case.query = {**(case.query or {}), "events": 1}
        return case
    if case.query:
        case.query.pop("cursor", None)
    if case.path == "/live":  # a stream without an end else
        case.query = {**(case.query or {}), "events": 1}
    if isinstance(case.body, dict):
        parts = {name: each for name, each in case.body.items() if name != "cursor"}
        case.body = _with_ints(parts)
        for letter in case.body.get("letters") or ():
            if letter.get("value") is None:  # a mended message is its value, perhaps with a key
                letter.pop("key", None)
    return case


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each good request a key of its own, and one place where a page of a topic begins.

    (Here: `map_case` sees neither examples nor all of what the coverage phase makes.)
    """
    if not is_good(case):
        return
    if case.query and case.path.endswith("/messages"):
        for place in [name for name in PLACES if name in case.query][1:]:
            case.query.pop(place)
        if "partition" not in case.query:  # an offset is of one
            case.query.pop("offset", None)
        for name in MEANT.keys() & case.query.keys():
            case.query[name] = MEANT[name]
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex

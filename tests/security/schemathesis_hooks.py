"""What a schema can't say: a cursor is one of the server's, an idempotency key is used once.

Paths of what is there (`H1_KNOWN`) and texts with a grammar are given to most good requests; the
others keep what was generated. What came of each of the messages view is noted in `H1_TALLY`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.generation import GenerationMode

#: Each says where a page of a topic's messages begins: they exclude each other.
PLACES = ("before", "after", "from_time", "offset")
MESSAGES = "/ui/api/topics/{topic}/messages"
#: Ids, letters and topics that the worker has.
KNOWN: dict[str, Any] = json.loads(os.environ.get("H1_KNOWN", "{}"))
TALLY = os.environ.get("H1_TALLY")
#: A partition that no topic lacks; a cut names more than there are.
PARTITIONS, CUT = 2, 8
MEANT = "h1-meant"


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
        if "ids" in case.query:  # they go alone
            case.query = {"ids": case.query["ids"]}
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
    """Give each good request a key of its own, and most of them what is there.

    (Here: `map_case` sees neither examples nor all of what the coverage phase makes.)
    """
    if not is_good(case):
        return
    chance = Random(f"{case.method} {case.path} {case.path_parameters} {case.query}")
    meant = chance.random() < 0.75
    if meant and KNOWN:
        _what_is_there(case, chance)
    if case.path == MESSAGES and meant:
        case.query = _meant(dict(case.query or {}), chance)
        case.headers = {**(case.headers or {}), MEANT: "1"}
    if isinstance(case.body, dict) and case.body.get("question_text") == KNOWN.get("waiting"):
        (case.query or {}).pop("wait", None)  # it was read in a view, and never ends
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex


def _what_is_there(case: Any, chance: Random) -> None:
    parts = case.path_parameters or {}
    if "id" in parts:
        parts["id"] = chance.choice(KNOWN["ids"])
    if case.path.startswith("/dead-letters/{topic}"):
        topic, partition, offset = chance.choice(KNOWN["letters"]).rsplit("/", 2)
        parts |= {"topic": topic, "partition": partition, "offset": offset}
    elif "topic" in parts:
        parts["topic"] = chance.choice(KNOWN["topics"])
        if "offset" in parts:
            parts |= {"partition": chance.randrange(PARTITIONS), "offset": chance.randrange(3)}
    case.path_parameters = parts


def _meant(query: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Return a query with one place at most, and texts by their grammar."""
    for place in [name for name in PLACES if name in query][1:]:
        query.pop(place)
    if "partition" not in query:  # an offset is of one
        query.pop("offset", None)
    values = {
        "before": lambda: _cut(chance),
        "after": lambda: _cut(chance),
        "from_time": lambda: chance.choice(
            (
                f"{chance.randrange(100)}m",
                "3d",
                "2026-11-25",
                "2026-11-25T18:00:00Z",
                "1764061200.5",
            )
        ),
        "partition": lambda: chance.randrange(PARTITIONS),
        "filter": lambda: " && ".join(_condition(chance) for _ in range(chance.randint(1, 3))),
    }
    return {name: values[name]() if name in values else each for name, each in query.items()}


def _cut(chance: Random) -> str:
    return ",".join(f"{partition}:{chance.randrange(200)}" for partition in range(CUT))


def _condition(chance: Random) -> str:
    number = chance.choice(("attempt", "best.f1", "question.round", "movies.0.score"))
    text = chance.choice(("cause", "question_text", "metadata.origen", "status"))
    if chance.random() < 0.5:
        sign = chance.choice(("<", "<=", ">", ">=", "=", "!="))
        return f"{number}{sign}{chance.randint(-2, 9) / 2}"
    sign, wanted = (
        chance.choice(("=", "!=", "~")),
        chance.choice(("overloaded", "¿Qué?", "", "a=b")),
    )
    return f"{text}{sign}{wanted}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note what the messages view said to what was meant, and to what was made up."""
    if TALLY is None or case.path != MESSAGES or not is_good(case):
        return
    kind = "meant" if MEANT in (case.headers or {}) else "made up"
    with Path(TALLY).open("a", encoding="utf-8") as file:
        file.write(json.dumps([kind, response.status_code, case.formatted_path, case.query]) + "\n")

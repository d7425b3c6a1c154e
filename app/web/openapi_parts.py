"""The parts of a route's description: what it takes, what it answers, and examples of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several objects, told apart by their fields (msgspec has no such union)."""

    kinds: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, with the type that checks it. Path parameters are always required."""

    name: str
    place: Literal["path", "query", "header"]
    kind: Any
    about: str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A good reply: the type of its JSON body, and of other content types it may have instead.

    `kind` None: it never is JSON.
    """

    about: str
    kind: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route. `body` is the type that checks the body.

    `errors` are the statuses it gives beside those that every route, and every write, can give.
    """

    name: str
    summary: str
    tag: str
    replies: Mapping[int, Reply]
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_examples: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()

    def query_names(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters if p.place == "query")


#: Error statuses, as the replies of any route name them.
ERRORS: dict[int, str] = {
    400: "The request, or its body, can't be read",
    401: "The token is missing or wrong",
    403: "A write by a web page of another origin",
    404: "Nothing has that id",
    409: "It can't be done in this state",
    413: "The body is over 64 KiB (the route's own limit, where it has one)",
    421: "The name in `Host` is not one of this server's",
    422: "A wrong type, an unknown or missing field, or a value out of bounds; `field` names it",
    429: "Too many questions are in progress",
    500: "An unexpected error; the log has it",
    503: "A part can't be reached, or takes no more for now",
}
ALWAYS = (400, 421, 500)
WRITES = (403, 413, 422)
#: These say when to come back.
RETRIED = (429, 503)

"""The parts of a route's description: what it takes, what it answers, and examples of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = "application/json"
#: An id to show in examples.
EXAMPLE_ID = "a852525a-fa24-564a-8061-04fa2fb83426"


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


def view(
    name: str, summary: str, kind: Any, *parameters: Parameter, errors: tuple[int, ...] = ()
) -> Operation:
    """Return the operation of a view of the dashboard."""
    return Operation(
        name, summary, "dashboard", {200: Reply("The view", kind)}, parameters, errors=errors
    )


#: Error statuses, as the replies of any route name them.
ERRORS: dict[int, str] = {
    400: "The request, or its body, can't be read",
    401: "The token is missing or wrong",
    403: "A write by a web page of another origin",
    404: "Nothing has that id",
    413: "The body is over 64 KiB (the route's own limit, where it has one)",
    421: "The name in `Host` is not one of this server's",
    422: "A wrong type, an unknown or missing field, or a value out of bounds; `field` names it",
    500: "An unexpected error; the log has it",
    503: "A part can't be reached, or takes no more for now",
}
#: What the errors look like; each has a code of those in docs/http.md.
ERROR_EXAMPLES: dict[int, dict[str, str]] = {
    400: {"code": "not_json", "message": "JSON is malformed: invalid character (byte 0)"},
    401: {"code": "unauthorized", "message": "this needs the API token"},
    403: {"code": "cross_site", "message": "a write by a web page of another origin"},
    404: {"code": "not_found", "message": "no question has the id q-7"},
    413: {"code": "too_large", "message": "the body is over 65536 bytes"},
    421: {"code": "unknown_host", "message": "this server is not evil.example"},
    422: {
        "code": "invalid",
        "message": "Object contains unknown field `question`",
        "field": "question",
    },
    500: {"code": "internal", "message": "an unexpected error, see the log"},
    503: {"code": "unavailable", "message": "the log acknowledges nothing at the moment"},
}
ALWAYS = (400, 421, 500)
WRITES = (403, 413, 422)
#: These say when to come back.
RETRIED = (503,)

"""The closed table of causes: what a failed model call means, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Route(StrEnum):
    """Where a failed call goes: the two waits, or the end."""

    OVERLOAD = "overload"
    QUOTA = "quota"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Cause:
    """A named cause of failure, its route and what an operator can do about it."""

    name: str
    route: Route
    meaning: str


def _cause(name: str, route: Route, meaning: str) -> Cause:
    return Cause(name, route, meaning)


CAUSES: dict[str, Cause] = {
    cause.name: cause
    for cause in (
        _cause("overloaded", Route.OVERLOAD, "503: the model server is busy"),
        _cause("bad_gateway", Route.OVERLOAD, "502: a proxy found no model server"),
        _cause("gateway_timeout", Route.OVERLOAD, "504: a proxy gave up on the model server"),
        _cause("server_error", Route.OVERLOAD, "500 and other 5xx: the model server failed"),
        _cause("request_timeout", Route.OVERLOAD, "408: the server gave up on the request"),
        _cause("timeout", Route.OVERLOAD, "no answer within LLM_TIMEOUT_SECONDS"),
        _cause("refused", Route.OVERLOAD, "nobody listens at the model's address"),
        _cause(
            "connection_lost", Route.OVERLOAD, "the connection broke before the answer was whole"
        ),
        _cause("model_loading", Route.OVERLOAD, "the server is still loading the model"),
        _cause("malformed_reply", Route.OVERLOAD, "the reply is not what the protocol says"),
        _cause("reply_too_large", Route.DEAD, "the reply exceeds the size that is read"),
        _cause("rate_limited", Route.QUOTA, "429: too many requests"),
        _cause(
            "insufficient_quota", Route.DEAD, "the account has no credit left: top it up, ask again"
        ),
        _cause("bad_request", Route.DEAD, "400: the server does not accept this question"),
        _cause("unauthorized", Route.DEAD, "401: LLM_API_KEY is missing or wrong"),
        _cause("forbidden", Route.DEAD, "403: the key may not use this model"),
        _cause(
            "model_not_found", Route.DEAD, "404: the server has no such model: pull it, ask again"
        ),
        _cause("request_too_large", Route.DEAD, "413: the question is too long for the server"),
        _cause("unprocessable", Route.DEAD, "422: the server does not accept this question"),
        _cause("context_exceeded", Route.DEAD, "the question is longer than the model's context"),
        _cause("redirected", Route.DEAD, "3xx: redirects are not followed"),
        _cause("client_error", Route.DEAD, "another 4xx"),
    )
}

#: How a call breaks without a whole reply (an exception, not a status): each is a cause, too.
BREAKS = (
    "timeout",
    "refused",
    "connection_lost",
    "malformed_reply",
    "reply_too_large",
    "model_loading",
)

#: HTTP statuses with a cause of their own.
BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "model_not_found",
    408: "request_timeout",
    413: "request_too_large",
    422: "unprocessable",
    429: "rate_limited",
    500: "server_error",
    502: "bad_gateway",
    503: "overloaded",
    504: "gateway_timeout",
}

#: Structured error codes that say more than the status (OpenAI protocol and llama.cpp).
BY_CODE = {
    "insufficient_quota": "insufficient_quota",
    "context_length_exceeded": "context_exceeded",
    "exceed_context_size_error": "context_exceeded",
    "model_not_found": "model_not_found",
    "invalid_api_key": "unauthorized",
}


def classify_status(status: int, code: str | None = None) -> Cause:
    """Return the built-in cause of an HTTP `status` (100..599) with the server's error `code`.

    The table in force, with what a file changed, is `app.core.causes.CauseTable`.
    """
    if code is not None and code in BY_CODE:
        return CAUSES[BY_CODE[code]]
    if status in BY_STATUS:
        return CAUSES[BY_STATUS[status]]
    if status >= 500:
        return CAUSES["server_error"]
    if status >= 400:
        return CAUSES["client_error"]
    if status >= 300:
        return CAUSES["redirected"]
    return CAUSES["malformed_reply"]

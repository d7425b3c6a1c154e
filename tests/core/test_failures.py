"""Every failure has a cause in one closed table, and every cause a way."""

from __future__ import annotations

import pytest

from app.core.failures import CAUSES, Route, classify_status
from app.errors import LlmOverloaded, LlmQuotaExceeded, LlmRejected, llm_failed

TABLE = {
    400: ("bad_request", Route.DEAD),
    401: ("unauthorized", Route.DEAD),
    403: ("forbidden", Route.DEAD),
    404: ("model_not_found", Route.DEAD),
    408: ("request_timeout", Route.OVERLOAD),
    413: ("request_too_large", Route.DEAD),
    422: ("unprocessable", Route.DEAD),
    429: ("rate_limited", Route.QUOTA),
    500: ("server_error", Route.OVERLOAD),
    502: ("bad_gateway", Route.OVERLOAD),
    503: ("overloaded", Route.OVERLOAD),
    504: ("gateway_timeout", Route.OVERLOAD),
}


@pytest.mark.parametrize("status", TABLE)
def test_the_statuses_of_the_contract(status: int) -> None:
    cause = classify_status(status)
    assert (cause.name, cause.route) == TABLE[status]


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_is_classified(status: int) -> None:
    cause = classify_status(status)
    assert CAUSES[cause.name] is cause
    if status not in TABLE:
        by_hundred = {1: "malformed_reply", 2: "malformed_reply", 3: "redirected"}
        by_hundred |= {4: "client_error", 5: "server_error"}
        assert cause.name == by_hundred[status // 100]


@pytest.mark.parametrize("status", [400, 402, 429, 500])
def test_a_spent_account_is_never_retried_whatever_its_status(status: int) -> None:
    cause = classify_status(status, "insufficient_quota")
    assert (cause.name, cause.route) == ("insufficient_quota", Route.DEAD)


def test_an_unknown_code_changes_nothing() -> None:
    assert classify_status(503, "whatever") is CAUSES["overloaded"]


def test_only_what_time_can_heal_is_retried() -> None:
    by_route = {route: {c.name for c in CAUSES.values() if c.route is route} for route in Route}
    assert by_route[Route.QUOTA] == {"rate_limited"}
    assert by_route[Route.OVERLOAD] == {
        "overloaded",
        "bad_gateway",
        "gateway_timeout",
        "server_error",
        "request_timeout",
        "timeout",
        "refused",
        "connection_lost",
        "model_loading",
        "malformed_reply",
    }


@pytest.mark.parametrize("name", CAUSES)
def test_each_cause_is_named_explained_and_raised_as_its_routes_error(name: str) -> None:
    cause = CAUSES[name]
    kinds = {
        Route.OVERLOAD: LlmOverloaded,
        Route.QUOTA: LlmQuotaExceeded,
        Route.DEAD: LlmRejected,
    }
    assert cause.name == name
    assert cause.meaning
    assert type(llm_failed(cause, "why")) is kinds[cause.route]

"""What the end of a model call says about the server: the one thing limiter and breaker look at."""

from __future__ import annotations

from enum import StrEnum

from app.core.failures import Cause, Route


class Pressure(StrEnum):
    """The four things that the end of a call can say."""

    FINE = "fine"
    """Answered, or refused for a reason that lies in the question or the account."""
    OVERLOADED = "overloaded"
    """Busy, failing, or away."""
    TIMED_OUT = "timed_out"
    """No answer within our own limit: a long queue, or a question that takes that long."""
    RATE_LIMITED = "rate_limited"


_BY_ROUTE = {
    Route.OVERLOAD: Pressure.OVERLOADED,
    Route.QUOTA: Pressure.RATE_LIMITED,
    Route.DEAD: Pressure.FINE,
}

#: Failures for which no question can be blamed unless the status says 5xx.
_OF_THE_SERVER = frozenset({"refused", "model_loading", "overloaded"})


def pressure_of(cause: Cause) -> Pressure:
    """Return what a failure of this cause says about the server."""
    return Pressure.TIMED_OUT if cause.name == "timeout" else _BY_ROUTE[cause.route]


def blames_the_server(cause: Cause, status: int | None) -> bool:
    """Tell whether a failed probe says nothing about its question: refused, loading, any 5xx.

    A time-out, a reply that breaks off or can't be read may be the question's own doing.
    """
    if pressure_of(cause) is not Pressure.OVERLOADED:
        return False
    return cause.name in _OF_THE_SERVER or (status is not None and 500 <= status <= 599)

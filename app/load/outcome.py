"""What came of one request."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How a request ended, as far as its client sees it."""

    ACCEPTED = "accepted"
    """202: taken in; or 200: it had been answered before."""
    REFUSED = "refused"
    """429 or 503 with Retry-After: the service protects itself, and says when to come back."""
    ERROR = "error"
    """Any other answer, or a connection that failed."""
    UNANSWERED = "unanswered"
    """No whole answer within the time-out."""


class Outcome(NamedTuple):
    """A kind, and `detail`: status and code (`503 backlog_full`), or what went wrong."""

    kind: Kind
    detail: str = ""
    question_id: str | None = None
    state: str | None = None
    """The final state that came with a 200."""
    retry_after: float | None = None

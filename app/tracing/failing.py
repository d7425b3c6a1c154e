"""How a span tells what ended it."""

from __future__ import annotations

from opentelemetry.trace import Span, Status, StatusCode

from app.errors import LlmFailed
from app.tracing import attributes

_MAX_DESCRIPTION = 500
#: What gives a message back: a rebalance, a stop, a task that is cancelled.
GivenBack = tuple[type[BaseException], ...]


def fail(span: Span, error: BaseException, given_back: GivenBack) -> None:
    """Record what ended a span. What gives a message back is no error: it comes again."""
    if isinstance(error, given_back):
        span.set_attributes({"answerloop.given_back": True})
    else:
        record(span, error)


def record(span: Span, error: BaseException) -> None:
    """Record an error."""
    if isinstance(error, LlmFailed):
        span.set_attributes(attributes.of_failure(error))
        words = error.detail or error.cause.name
    else:
        span.record_exception(error)
        span.set_attribute("error.type", type(error).__name__)
        words = str(error)
    span.set_status(Status(StatusCode.ERROR, words[:_MAX_DESCRIPTION]))

"""What became of a model call: from the port's words to the ledger's, and to a message."""

from __future__ import annotations

from dataclasses import dataclass

from agents.context import Context
from agents.waits import Outgoing
from app.core.retry import bounded_retry_after
from app.errors import LlmFailed
from app.ports import CallAnswer, CallFailure, ModelAnswer
from models.questions import LlmAnswer, LlmFailure, LlmRequest

_HTTP_STATUSES = range(100, 600)

Outcome = CallAnswer | CallFailure


@dataclass(frozen=True, slots=True)
class Made:
    """The outcome of a call. `in_ledger` is False for an answer that could not be stored yet."""

    outcome: Outcome
    in_ledger: bool = True


def answer_of(answer: ModelAnswer) -> CallAnswer:
    return CallAnswer(
        answer.text, answer.seconds, answer.tokens, answer.finish_reason, answer.prompt_tokens
    )


def failure_of(error: LlmFailed, seconds: float, now: float) -> CallFailure:
    return CallFailure(
        cause=error.cause.name,
        detail=error.detail[:2000],
        seconds=max(0.0, seconds),
        failed_at=now,
        status=error.status if error.status in _HTTP_STATUSES else None,
        retry_after_seconds=bounded_retry_after(error.retry_after_seconds),
    )


def outgoing(context: Context, request: LlmRequest, made: Made) -> Outgoing:
    """Return the message that says what became of a call."""
    names, outcome = context.names, made.outcome
    if isinstance(outcome, CallAnswer):
        answer = LlmAnswer(
            **request.carried(),
            answer=outcome.text,
            answered_at=context.now(),
            seconds=outcome.seconds,
            tokens=outcome.tokens,
            finish_reason=outcome.finish_reason,
            prompt_tokens=outcome.prompt_tokens,
            in_ledger=made.in_ledger,
        )
        return Outgoing(names.llm_responses_success, request.question_id, answer)
    failure = LlmFailure(
        **request.carried(),
        cause=outcome.cause,
        failed_at=outcome.failed_at,
        detail=outcome.detail,
        status=outcome.status,
        retry_after_seconds=outcome.retry_after_seconds,
    )
    return Outgoing(names.llm_responses_error, request.question_id, failure)

"""What spans say: the semantic conventions of OpenTelemetry where they have a name, else our own.

Texts of questions, references and answers are never among them: traces go to other hands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.core.strategies import Prompt
from app.errors import LlmFailed
from app.ports.model import ModelAnswer
from app.tracing.port import EndedWait, Facts
from app.transports import RawRecord
from app.wire import Arrival, Rejected
from models.questions import (
    DeadLetter,
    LlmFailure,
    LlmRequest,
    QuestionSettled,
    QuestionState,
    RetryDue,
    ScoredAnswer,
)

Attributes = dict[str, Any]


def known(facts: Facts) -> Attributes:
    """Return the facts that are known."""
    return {name: value for name, value in facts.items() if value is not None}


def key_of(arrival: Arrival) -> str:
    """Return the key of what a stage sends because of a message: its question's id, else a place.

    The place is what the dead letter of a message that can't be read has for its key.
    """
    value = arrival.value
    if isinstance(value, QuestionState):
        question_id: str = value.question_id
        return question_id
    if isinstance(value, DeadLetter) and value.question is not None:
        buried: str = value.question.question_id
        return buried
    return f"{arrival.topic}/{arrival.partition}/{arrival.offset}"


def of_question(record: QuestionState) -> Attributes:
    return {
        "answerloop.question_id": record.question_id,
        "answerloop.round": record.round,
        "answerloop.generation": record.generation,
        "answerloop.attempt": record.attempt,
    }


def of_arrival(stage: str, arrival: Arrival, now: float) -> Attributes | None:
    """Return what is told of a message in hand; None for one that needs no span.

    The end of a wait is the span `wait`, a rejected attempt or a settled question only passes.
    """
    value = arrival.value
    if isinstance(value, RetryDue | QuestionSettled):
        return None
    if isinstance(value, ScoredAnswer) and not value.final:
        return None
    found: Attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": stage,
        "messaging.operation.type": "process",
        "messaging.destination.name": arrival.topic,
        "messaging.destination.partition.id": str(arrival.partition),
        "messaging.kafka.offset": arrival.offset,
        "answerloop.queue_seconds": max(0.0, now - arrival.timestamp),
    }
    match value:
        case Rejected():
            found["error.type"] = "rejected"
        case DeadLetter():
            found["answerloop.cause"] = value.cause
            if value.question is not None:
                found |= of_question(value.question)
        case QuestionState():
            found |= of_question(value)
    if isinstance(value, LlmFailure):
        found["answerloop.cause"] = value.cause
    if isinstance(value, ScoredAnswer):
        found["answerloop.status"] = value.status
    return found


def of_batch(stage: str, raws: Sequence[RawRecord], now: float) -> Attributes:
    """Return what is told of a chunk: messages of one partition, in order."""
    first = raws[0]
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": stage,
        "messaging.operation.type": "process",
        "messaging.destination.name": first.topic,
        "messaging.destination.partition.id": str(first.partition),
        "messaging.kafka.offset": first.offset,
        "messaging.batch.message_count": len(raws),
        "answerloop.queue_seconds": max(0.0, now - first.timestamp),
    }


def of_call(request: LlmRequest, model: str, prompt: Prompt, where: str) -> Attributes:
    """By the conventions for generative AI. `where`: as `LanguageModel.where` says."""
    kind, _, place = where.partition(" at ")
    host, _, port = place.rpartition(":")
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": kind.split(" ")[0],
        "gen_ai.request.model": model,
        "gen_ai.request.temperature": prompt.temperature,
        "gen_ai.request.seed": prompt.seed,
        "gen_ai.request.max_tokens": prompt.max_tokens,
        "answerloop.waited_seconds": request.waited_seconds,
        **of_question(request),
    }
    if host and port.isdigit():
        found |= {"server.address": host.strip("[]"), "server.port": int(port)}
    return found


def of_answer(answer: ModelAnswer) -> Attributes:
    return known(
        {
            "gen_ai.response.model": answer.model,
            "gen_ai.usage.input_tokens": answer.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.tokens,
        }
    ) | ({"gen_ai.response.finish_reasons": [answer.finish_reason]} if answer.finish_reason else {})


def of_failure(error: LlmFailed) -> Attributes:
    return known(
        {
            "error.type": error.cause.name,
            "http.response.status_code": error.status,
            "answerloop.retry_after_seconds": error.retry_after_seconds,
        }
    )


def of_wait(wait: EndedWait, now: float) -> Attributes:
    late = None if wait.due_at is None or wait.early else max(0.0, now - wait.due_at)
    return known(
        {
            "answerloop.question_id": wait.question_id,
            "answerloop.round": wait.round,
            "answerloop.generation": wait.generation,
            "answerloop.attempt": wait.attempt,
            "answerloop.retry_kind": wait.kind,
            "answerloop.due_at": wait.due_at,
            "answerloop.late_seconds": late,
            "answerloop.released_early": wait.early or None,
        }
    )

"""The hops of a question on the topics: what each record says, and which stage wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.inspection.hops import Hop
from app.topics import TopicNames
from app.topology import sending_agents
from app.transports import RawRecord
from app.wire import Rejected
from models.questions import (
    DeadLetter,
    LlmAnswer,
    LlmFailure,
    LlmRequest,
    Question,
    QuestionSettled,
    QuestionState,
    RetryDue,
    ScoredAnswer,
)

Told = dict[str, Any]


def hop_of_record(names: TopicNames, raw: RawRecord, found: Any) -> Hop:
    """Return the hop of a record, or of one that does not fit its topic (`Rejected`)."""
    fields: Told = {
        "at": raw.timestamp,
        "topic": raw.topic,
        "partition": raw.partition,
        "offset": raw.offset,
    }
    if isinstance(found, Rejected):
        return Hop(**fields, what="unreadable", detail=found.reason)
    turn = getattr(found, "turn", None)
    if turn is not None:
        fields |= turn._asdict()
    fields |= {"record": type(found).__name__, "stage": _writer(names, raw.topic, found)}
    fields |= _TOLD[type(found)](found)
    if raw.topic in (names.errors_overload, names.errors_quota):
        fields["what"] = "retry wanted"
    return Hop(**fields)


def _writer(names: TopicNames, topic: str, found: Any) -> str | None:
    """Return the stage that wrote a record, as far as record and topic say so."""
    match found:
        case Question():
            return "judge" if found.generation > 1 else "intake"
        case LlmRequest():
            return "hold" if found.attempt > 1 else "admit"
        case ScoredAnswer():  # `admit` passes on at a cycle what `judge` had scored
            return "judge"
        case RetryDue():  # which timer, or that somebody asked for it, it does not say
            return "timer"
    agents = sending_agents(names._fields[names.index(topic)])
    return agents[0] if len(agents) == 1 else None


def _question(found: Question) -> Told:
    what = "accepted"
    if found.generation > 1:
        what = "asked again: weak answer"
    elif found.round:
        what = "asked again: it was dead"
    return {"what": what, "model": found.model, "status": "accepted"}


def _request(found: LlmRequest) -> Told:
    return {
        "what": "call wanted",
        "model": found.model,
        "waited": found.waited_seconds or None,
    }


def _answer(found: LlmAnswer) -> Told:
    return {
        "what": "answered",
        "tokens": found.tokens,
        "seconds": found.seconds,
        "model": found.model,
        "answer": found.answer,
    }


def _failure(found: LlmFailure) -> Told:
    return {"what": "failed", "cause": found.cause, "detail": found.detail or None}


def _scored(found: ScoredAnswer) -> Told:
    return {
        "what": f"{found.status}, final" if found.final else "rejected",
        "f1": found.f1,
        "cause": found.cause,
        "answer": found.answer,
        "detail": found.why,
        "status": found.status if found.final else None,
    }


def _letter(found: DeadLetter) -> Told:
    question: QuestionState | None = found.question
    return {
        "what": "dead letter",
        "cause": found.cause,
        "detail": found.detail or None,
        "status": None if question is None else "dead",
        **({} if question is None else question.turn._asdict()),
    }


def _settled(found: QuestionSettled) -> Told:
    return {"what": "settled", "round": found.round, "status": found.status}


_TOLD: dict[type, Callable[[Any], Told]] = {
    Question: _question,
    LlmRequest: _request,
    LlmAnswer: _answer,
    LlmFailure: _failure,
    RetryDue: lambda _: {"what": "wait over"},
    ScoredAnswer: _scored,
    DeadLetter: _letter,
    QuestionSettled: _settled,
}

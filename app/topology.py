"""The one table of who reads and writes which topic.

Agents subscribe by it. What a stage sends, the diagrams, docs/topics.md and the description of the
topics (`app.asyncapi`) are checked against it by tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from app.settings import QUESTIONS, RATINGS
from app.topics import RatingTopicNames, TopicNames

#: `agent`: reads topics; `timer`: sends by the clock; `desk`: sends when somebody asks it to.
Kind = Literal["agent", "timer", "desk"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of a pipeline. Topics are named by their keys in `app.topics`, without prefix."""

    name: str
    kind: Kind
    pipeline: str
    about: str
    receives: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


_QUESTION_TOPICS = TopicNames._fields

STAGES: tuple[Stage, ...] = (
    Stage(
        "intake",
        "desk",
        QUESTIONS,
        "Puts questions on the log: run, ask, POST /query",
        sends=("questions_pending",),
    ),
    Stage(
        "admit",
        "agent",
        QUESTIONS,
        "Drops repeats, stores new questions, stops cycles",
        receives=("questions_pending", "questions_settled"),
        sends=("llm_requests", "low_quality_responses", "dead_letters"),
    ),
    Stage(
        "ask",
        "agent",
        QUESTIONS,
        "Waits for leave, claims the call, makes it, says what became of it",
        receives=("llm_requests",),
        sends=("llm_responses_success", "llm_responses_error", "dead_letters"),
    ),
    Stage(
        "route",
        "agent",
        QUESTIONS,
        "Sends each failed call where its cause belongs",
        receives=("llm_responses_error",),
        sends=("errors_overload", "errors_quota", "dead_letters"),
    ),
    Stage(
        "hold",
        "agent",
        QUESTIONS,
        "Keeps failed calls until they are due, or gives them up",
        receives=("errors_overload", "errors_quota", "retries_due", "questions_settled"),
        sends=("llm_requests", "dead_letters"),
    ),
    Stage(
        "release_overload",
        "timer",
        QUESTIONS,
        "Says which waits after an overload are over",
        sends=("retries_due",),
    ),
    Stage(
        "release_quota",
        "timer",
        QUESTIONS,
        "Says which waits after a rate limit are over",
        sends=("retries_due",),
    ),
    Stage(
        "judge",
        "agent",
        QUESTIONS,
        "Scores answers; accepts them, asks again, or ends with the best one",
        receives=("llm_responses_success",),
        sends=(
            "validated_responses",
            "low_quality_responses",
            "questions_pending",
            "dead_letters",
        ),
    ),
    Stage(
        "persist",
        "agent",
        QUESTIONS,
        "Stores ends and dead letters",
        receives=("validated_responses", "low_quality_responses", "dead_letters"),
        sends=("questions_settled", "dead_letters"),
    ),
    Stage(
        "sweep",
        "timer",
        QUESTIONS,
        "Puts questions that no stage sees any more on the log again",
        sends=("llm_requests", "llm_responses_success"),
    ),
    Stage(
        "release",
        "desk",
        QUESTIONS,
        "Ends waits early: POST /retries/release",
        sends=("retries_due",),
    ),
    Stage(
        "redrive",
        "desk",
        QUESTIONS,
        "Asks dead questions again, sends mended messages back: dlq redrive",
        sends=(*_QUESTION_TOPICS, "ratings"),
    ),
    Stage(
        "rate",
        "desk",
        RATINGS,
        "Puts ratings on the log: ratings produce, POST /ratings, your own programs",
        sends=("ratings",),
    ),
    Stage(
        "statistics",
        "agent",
        RATINGS,
        "Checks ratings strictly, adds them up, learns from them",
        receives=("ratings",),
        sends=("dead_letters",),
    ),
    Stage(
        "recommend",
        "timer",
        RATINGS,
        "Makes recommendations anew for users who rated something",
        sends=("recommendations",),
    ),
    Stage(
        "tell_metrics",
        "timer",
        RATINGS,
        "Tells what this worker's ratings pipeline did",
        sends=("metrics",),
    ),
)

_BY_NAME = {stage.name: stage for stage in STAGES}


def received(stage: str, names: TopicNames | RatingTopicNames) -> tuple[str, ...]:
    """Return the names of the topics that an agent reads, in the order of the table."""
    return tuple(getattr(names, key) for key in _BY_NAME[stage].receives)


def stages_of(pipelines: Collection[str]) -> list[Stage]:
    """Return the stages of some pipelines."""
    return [stage for stage in STAGES if stage.pipeline in pipelines]


def sending_agents(topic: str) -> list[str]:
    """Return the agents that send to a topic, which is named by its key, without prefix."""
    return [stage.name for stage in STAGES if stage.kind == "agent" and topic in stage.sends]

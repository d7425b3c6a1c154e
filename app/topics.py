"""The one table of topics: name, record, partitions, retention and configuration."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import faust

from app.settings import QUESTIONS, RATINGS, Settings
from models import questions as q
from models import ratings as r

DAY_MS = 86_400_000
RETENTION_MS = 7 * DAY_MS
DEAD_LETTER_RETENTION_MS = 30 * DAY_MS
#: Twice Kafka's default: the longest texts fit, and so does another message's bytes in base64.
MAX_MESSAGE_BYTES = 2_097_152
#: The ratings pipeline's topics; their partitions are no setting: its state is kept by partition.
RATINGS_PARTITIONS = 6
METRICS_PARTITIONS = 3
METRICS_RETENTION_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as it must be on the broker. `name` carries the prefix.

    Without a retention it is compacted: a table's changelog, whose `record` is Faust's business.
    """

    name: str
    record: type[faust.Record] | None
    partitions: int
    retention_ms: int | None
    replication: int = 1
    extra: dict[str, str] = field(default_factory=dict)
    about: str = ""

    @property
    def config(self) -> dict[str, str]:
        """The topic's configuration in Kafka's own names."""
        if self.retention_ms is None:
            return {"cleanup.policy": "compact", **self.extra}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms), **self.extra}


class TopicNames(NamedTuple):
    """Names of the question topics, prefix included."""

    questions_pending: str
    llm_requests: str
    llm_responses_success: str
    llm_responses_error: str
    errors_overload: str
    errors_quota: str
    retries_due: str
    validated_responses: str
    low_quality_responses: str
    dead_letters: str
    questions_settled: str


class RatingTopicNames(NamedTuple):
    """Names of the ratings topics, prefix included. The dead letters are those of the questions."""

    ratings: str
    metrics: str
    recommendations: str
    dead_letters: str


_RECORDS: dict[str, tuple[type[faust.Record], str]] = {
    "questions_pending": (
        q.Question,
        "questions to be answered, and weak answers' next generation",
    ),
    "llm_requests": (q.LlmRequest, "model calls to be made"),
    "llm_responses_success": (q.LlmAnswer, "answers to be judged"),
    "llm_responses_error": (q.LlmFailure, "failed calls to be routed"),
    "errors_overload": (q.LlmFailure, "overloads: exponential wait"),
    "errors_quota": (q.LlmFailure, "rate limits: fixed wait"),
    "retries_due": (q.RetryDue, "waits that are over"),
    "validated_responses": (q.ScoredAnswer, "answers that passed, or had no reference"),
    "low_quality_responses": (q.ScoredAnswer, "rejected attempts; the last one is final"),
    "dead_letters": (q.DeadLetter, "messages that can't go on, with their cause and bytes"),
    "questions_settled": (q.QuestionSettled, "ends that are stored"),
}


def topic_names(settings: Settings) -> TopicNames:
    """Return the names of the question topics."""
    return TopicNames(*(settings.topic_prefix + key.replace("_", "-") for key in _RECORDS))


def rating_topic_names(settings: Settings) -> RatingTopicNames:
    """Return the names of the ratings topics."""
    prefix, dead_letters = settings.topic_prefix, topic_names(settings).dead_letters
    return RatingTopicNames(
        f"{prefix}ratings", f"{prefix}metrics", f"{prefix}recommendations", dead_letters
    )


def topic_table(settings: Settings) -> list[TopicSpec]:
    """Return every topic of the question pipeline, in the order of a question's way."""
    names = topic_names(settings)
    return [
        TopicSpec(
            name=getattr(names, key),
            record=record,
            partitions=settings.partitions,
            retention_ms=DEAD_LETTER_RETENTION_MS if key == "dead_letters" else RETENTION_MS,
            replication=settings.replication_factor,
            extra={"max.message.bytes": str(MAX_MESSAGE_BYTES)},
            about=about,
        )
        for key, (record, about) in _RECORDS.items()
    ]


def rating_topic_table(settings: Settings) -> list[TopicSpec]:
    """Return every topic of the ratings pipeline alone: the dead letters are in `topic_table`."""
    names, replication = rating_topic_names(settings), settings.replication_factor
    return [
        TopicSpec(
            name=names.ratings,
            record=r.RatingEvent,
            partitions=RATINGS_PARTITIONS,
            retention_ms=RETENTION_MS,
            replication=replication,
            extra={"compression.type": "lz4"},
            about="users' ratings of movies",
        ),
        TopicSpec(
            name=names.metrics,
            record=r.StreamMetrics,
            partitions=METRICS_PARTITIONS,
            retention_ms=METRICS_RETENTION_MS,
            replication=replication,
            extra={"compression.type": "gzip"},
            about="what each worker's ratings pipeline did",
        ),
        TopicSpec(
            name=names.recommendations,
            record=r.Recommendation,
            partitions=RATINGS_PARTITIONS,
            retention_ms=RETENTION_MS,
            replication=replication,
            about="users' best unseen movies",
        ),
    ]


TABLES = ("generations", "retries")


def app_name(settings: Settings, pipeline: str = QUESTIONS) -> str:
    """Return the Faust app id of a pipeline, which is its consumer group."""
    return f"{settings.app_id}-{pipeline}"


def changelog_table(settings: Settings) -> list[TopicSpec]:
    """Return the changelog topics of the questions' tables, named as Faust names them.

    They are made before the consumer starts: one that appears later is not in its metadata yet
    when the first table write asks for the partition count.
    """
    return [
        TopicSpec(
            name=f"{app_name(settings)}-{table}-changelog",
            record=None,
            partitions=settings.partitions,
            retention_ms=None,
            replication=settings.replication_factor,
            about=f"changelog of table {table}",
        )
        for table in TABLES
    ]


def topics_of(settings: Settings, pipelines: Collection[str]) -> list[TopicSpec]:
    """Return the topics that these pipelines write and read, each once, and of their tables."""
    questions, names = topic_table(settings), topic_names(settings)
    found = []
    if QUESTIONS in pipelines:
        found += [*questions, *changelog_table(settings)]
    if RATINGS in pipelines:
        found += rating_topic_table(settings)
        found += [spec for spec in questions if spec.name == names.dead_letters]
    return list({spec.name: spec for spec in found}.values())


def all_topics(settings: Settings) -> list[TopicSpec]:
    """Return the topics of the pipelines in PIPELINES, and of their tables."""
    return topics_of(settings, settings.pipeline_names)

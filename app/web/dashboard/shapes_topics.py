"""The JSON of the views of topics and groups, as types."""

from __future__ import annotations

from typing import Literal

from app.web.dashboard.shapes import WaitsOfCause
from app.web.openapi_shapes import Shape, Timestamp


class TopicListed(Shape):
    """`messages` are no more than said on a compacted topic. `bytes` null: not known (yet)."""

    topic: str
    record: str
    about: str
    there: bool
    partitions: int | None
    messages: int | None
    bytes: int | None
    compacted: bool | None
    retention_seconds: float | None
    differences: list[str]
    newest_at: Timestamp | None


class TopicsShown(Shape):
    """`trouble`: why the newest reading failed; the rows are then of `read_at`."""

    at: Timestamp
    read_at: Timestamp | None
    trouble: str | None
    topics: list[TopicListed]


class PartitionShown(Shape):
    """Offsets from `start` to below `end`. The embedded log has no leader and no replicas."""

    partition: int
    start: int
    end: int
    messages: int
    newest_at: Timestamp | None
    leader: int | None
    replicas: list[int]
    in_sync: list[int]


class TopicShown(Shape):
    at: Timestamp
    topic: str
    record: str
    about: str
    messages: int
    bytes: int | None
    compacted: bool
    retention_seconds: float | None
    differences: list[str]
    partitions: list[PartitionShown]


class MessageListed(Shape):
    """Long keys and values are cut. `key_hex`: the key's first bytes where it is no text.

    `problem` says why a message does not fit its topic; `headers` counts them.
    """

    partition: int
    offset: int
    at: Timestamp
    key: str | None
    key_hex: str | None
    headers: int
    bytes: int | None
    problem: str | None
    summary: str | None


class MessagesShown(Shape):
    """Messages between two cuts (`partition:offset,...`), newest first.

    `older` and `newer` count the offsets beyond them, `looked` the messages that were looked at.
    """

    at: Timestamp
    topic: str
    messages: list[MessageListed]
    low: str
    high: str
    older: int
    newer: int
    looked: int
    direction: Literal["older", "newer"]


class HeaderShown(Shape):
    name: str
    value: str | None
    value_base64: str | None


class MessageShown(Shape):
    """One message. What is no text is in base64, and so is what does not fit its topic."""

    topic: str
    start: int
    end: int
    partition: int
    offset: int
    at: Timestamp
    record: str
    key: str | None
    key_base64: str | None
    question_id: str | None
    headers: list[HeaderShown]
    bytes: int | None
    cut: bool
    problem: str | None
    value: str | None
    value_base64: str | None


class PartitionLag(Shape):
    """As `kafka-consumer-groups` has it, and the time of the first that is not acknowledged."""

    partition: int
    current_offset: int | None
    log_end_offset: int | None
    lag: int | None
    consumer_id: str | None
    host: str | None
    client_id: str | None
    oldest_at: Timestamp | None


class TopicLagShown(Shape):
    topic: str
    late: int
    oldest_at: Timestamp | None
    oldest_age_seconds: float | None
    partitions: list[PartitionLag]


class GroupShown(Shape):
    """`pipeline` is null for a group that is not a pipeline's own."""

    group: str
    pipeline: Literal["questions", "ratings"] | None
    state: str
    members: int
    late: int
    oldest_at: Timestamp | None
    topics: list[TopicLagShown]


class WaitsShown(Shape):
    """Retries that wait: `by_design` until they are due; those that are `due` are late."""

    questions: int
    by_design: int
    due: int
    by_cause: list[WaitsOfCause]


class GroupsShown(Shape):
    """`waiting` is null where no questions are answered, or with a `waiting_problem`."""

    at: Timestamp
    read_at: Timestamp | None
    trouble: str | None
    groups: list[GroupShown]
    waiting: WaitsShown | None
    waiting_problem: str | None

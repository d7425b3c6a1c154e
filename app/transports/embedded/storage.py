"""What the embedded driver asks of a storage: a small Kafka-like log.

Offsets of a partition start at 0 and are never reused. Retention and compaction may leave gaps,
but never move the end. A storage is shared by all apps of a process; reads may come from any
thread, appends and commits from an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from faust.types.tuples import TP, RecordMetadata

from app.transports.records import Headers, RawRecord

PartitionKey = tuple[str, int]
"""(topic, partition). A `faust.types.TP` is one."""
Listener = Callable[[], None]


class NewRecord(NamedTuple):
    """A record to append. `timestamp` in seconds; None means now."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp: float | None = None
    headers: Headers = None


@dataclass(slots=True)
class TopicInfo:
    """A topic: its partition count and its Kafka-style settings (`retention.ms`, ...)."""

    name: str
    partitions: int
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def compacted(self) -> bool:
        return "compact" in str(self.config.get("cleanup.policy", ""))

    @property
    def retention_seconds(self) -> float | None:
        """How long records are kept; None: for ever (the default, and for compacted topics)."""
        milliseconds = self.config.get("retention.ms")
        if self.compacted or milliseconds is None or float(milliseconds) < 0:
            return None
        return float(milliseconds) / 1000.0


class Storage(Protocol):
    """A log that several consumers and producers share."""

    blocking: bool
    """Whether reads take long enough to belong in a thread."""

    def create_topic(
        self, name: str, partitions: int, config: Mapping[str, Any] | None = None
    ) -> TopicInfo:
        """Create a topic, or return it as it is when it exists."""

    def topics(self) -> Mapping[str, TopicInfo]: ...

    def partition_for(self, topic: str, key: bytes | None) -> int:
        """Kafka's partition for this key (murmur2); some partition when there is no key."""

    def append(self, record: NewRecord) -> asyncio.Future[RecordMetadata]:
        """Append; the future holds its place in the log once it is kept."""

    def read(self, tp: PartitionKey, offset: int, limit: int) -> list[RawRecord]:
        """Up to `limit` records at or above `offset`, in order."""

    def end(self, tp: PartitionKey) -> int:
        """The offset that the next record will get."""

    def start(self, tp: PartitionKey) -> int:
        """The lowest offset that may exist."""

    def committed(self, group: str) -> dict[PartitionKey, int]: ...

    def groups(self) -> list[str]: ...

    def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> asyncio.Future[None]:
        """Set the group's offsets; the future is done once they are kept."""

    def expire(self, now: float) -> int:
        """Drop records older than their topic's retention; return how many."""

    def add_listener(self, listener: Listener) -> None:
        """Call `listener` (from any thread, quickly) whenever records were appended."""

    def remove_listener(self, listener: Listener) -> None: ...

    def close(self) -> None: ...


def place_of(record: NewRecord, offset: int, timestamp: float) -> RecordMetadata:
    """What a producer is told about a record that was appended."""
    return RecordMetadata(
        topic=record.topic,
        partition=record.partition,
        topic_partition=TP(record.topic, record.partition),
        offset=offset,
        timestamp=timestamp,
        timestamp_type=0,
    )


def murmur2_partition(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own producers choose for `key`."""
    from aiokafka.partitioner import murmur2

    number: int = murmur2(key) & 0x7FFFFFFF
    return number % partitions

"""A log in memory, for tests and trials."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import count
from operator import attrgetter
from time import time
from typing import Any

from faust.types.tuples import RecordMetadata

from app.transports.embedded.errors import LogClosed, UnknownTopic
from app.transports.embedded.storage import (
    Listener,
    NewRecord,
    PartitionKey,
    TopicInfo,
    murmur2_partition,
    place_of,
)
from app.transports.records import RawRecord

_offset = attrgetter("offset")


class MemoryStorage:
    """Lists of records. Appends are kept at once, so every future is already done."""

    blocking = False

    def __init__(self) -> None:
        self._topics: dict[str, TopicInfo] = {}
        self._records: dict[PartitionKey, list[RawRecord]] = defaultdict(list)
        self._ends: dict[PartitionKey, int] = defaultdict(int)
        self._committed: dict[str, dict[PartitionKey, int]] = defaultdict(dict)
        self._listeners: set[Listener] = set()
        self._turn = count()
        self._closed = False

    def create_topic(
        self, name: str, partitions: int, config: Mapping[str, Any] | None = None
    ) -> TopicInfo:
        return self._topics.setdefault(name, TopicInfo(name, partitions, dict(config or {})))

    def topics(self) -> Mapping[str, TopicInfo]:
        return self._topics

    def partition_for(self, topic: str, key: bytes | None) -> int:
        partitions = self._topic(topic).partitions
        return next(self._turn) % partitions if key is None else murmur2_partition(key, partitions)

    def append(self, record: NewRecord) -> asyncio.Future[RecordMetadata]:
        future = asyncio.get_running_loop().create_future()
        kept = self.append_now(record)
        future.set_result(place_of(record, kept.offset, kept.timestamp))
        return future

    def append_now(self, record: NewRecord) -> RawRecord:
        """Append without an event loop."""
        if self._closed:
            raise LogClosed("the log was closed")
        topic = self._topic(record.topic)
        if not 0 <= record.partition < topic.partitions:
            raise ValueError(f"{record.topic} has no partition {record.partition}")
        tp = (record.topic, record.partition)
        kept = RawRecord(
            *tp,
            self._ends[tp],
            record.timestamp or time(),
            record.headers,
            record.key,
            record.value,
        )
        self._records[tp].append(kept)
        self._ends[tp] += 1
        for listener in list(self._listeners):
            listener()
        return kept

    def read(self, tp: PartitionKey, offset: int, limit: int) -> list[RawRecord]:
        records = self._records.get((tp[0], tp[1]))
        if not records:
            return []
        begin = offset - records[0].offset
        if not (0 <= begin < len(records) and records[begin].offset == offset):
            begin = bisect_left(records, offset, key=_offset)
        return records[begin : begin + limit]

    def end(self, tp: PartitionKey) -> int:
        return self._ends.get((tp[0], tp[1]), 0)

    def start(self, tp: PartitionKey) -> int:
        records = self._records.get((tp[0], tp[1]))
        return records[0].offset if records else self.end(tp)

    def offset_at(self, tp: PartitionKey, when: float) -> int:
        """The first offset whose record is of the time `when` or later, or the end."""
        records = self._records.get((tp[0], tp[1]), [])
        return next((r.offset for r in records if r.timestamp >= when), self.end(tp))

    def find(self, tp: PartitionKey, key: bytes, start: int, end: int) -> list[RawRecord]:
        """The records of a key from offset `start` to below `end`."""
        return [r for r in self.read(tp, start, end - start) if r.key == key and r.offset < end]

    def size(self, topic: str) -> int:
        """The bytes of a topic's keys and values."""
        return sum(
            len(record.key or b"") + len(record.value or b"")
            for tp, records in self._records.items()
            if tp[0] == topic
            for record in records
        )

    def committed(self, group: str) -> dict[PartitionKey, int]:
        return dict(self._committed.get(group, {}))

    def groups(self) -> list[str]:
        return sorted(self._committed)

    def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> asyncio.Future[None]:
        self._committed[group].update({(tp[0], tp[1]): o for tp, o in offsets.items()})
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def expire(self, now: float) -> int:
        dropped = 0
        for (topic, _partition), records in self._records.items():
            keep_seconds = self._topics[topic].retention_seconds
            if keep_seconds is not None:
                young = (i for i, r in enumerate(records) if r.timestamp >= now - keep_seconds)
                old = next(young, len(records))
                del records[:old]
                dropped += old
        return dropped

    def add_listener(self, listener: Listener) -> None:
        self._listeners.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        self._closed = True

    def _topic(self, name: str) -> TopicInfo:
        try:
            return self._topics[name]
        except KeyError:
            raise UnknownTopic(name) from None

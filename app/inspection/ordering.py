"""Records of several partitions in the order of their times, without holding a topic in memory."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import AsyncIterator, Mapping

from app.inspection.reader import SILENCE_SECONDS, TopicReader, silence
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey

#: Records of a partition that wait for those of the others at most.
BUFFERED = 500


async def in_time_order(
    reader: TopicReader, starts: Mapping[PartitionKey, int], ends: Mapping[PartitionKey, int]
) -> AsyncIterator[list[RawRecord]]:
    """Give the records from `starts` to below `ends`, merged by time; chunks are never empty.

    Within a partition the order of the offsets stays, whatever the times say. Raises
    BrokerUnavailable when a partition falls silent before its end.
    """
    reading = await reader.read({tp: at for tp, at in starts.items() if at < ends[tp]})
    waiting: dict[PartitionKey, deque[RawRecord]] = {tp: deque() for tp in reading.positions}
    while True:
        hungry = {
            tp
            for tp, records in waiting.items()
            if not records and reading.positions[tp] < ends[tp]
        }
        while hungry:
            before = {tp: reading.positions[tp] for tp in hungry}
            found = await reading.fetch(hungry, BUFFERED, SILENCE_SECONDS)
            for tp, records in found.items():
                waiting[tp].extend(each for each in records if each.offset < ends[tp])
            if not found and all(reading.positions[tp] == at for tp, at in before.items()):
                raise silence(reader, next(iter(hungry)))
            hungry = {tp for tp in hungry if not waiting[tp] and reading.positions[tp] < ends[tp]}
        chunk = _ready(waiting, {tp for tp in waiting if reading.positions[tp] < ends[tp]})
        if not chunk:
            return
        yield chunk


def merged(runs: Mapping[PartitionKey, list[RawRecord]]) -> list[RawRecord]:
    """Return the records of one fetch by time, each partition's in its own order."""
    return _ready({tp: deque(records) for tp, records in runs.items()}, set())


def _ready(
    waiting: Mapping[PartitionKey, deque[RawRecord]], unread: set[PartitionKey]
) -> list[RawRecord]:
    """Take records in order, until a partition of which there is more to read has none left."""
    heads = [(records[0].timestamp, tp) for tp, records in waiting.items() if records]
    heapq.heapify(heads)
    chunk: list[RawRecord] = []
    while heads:
        _, tp = heads[0]
        records = waiting[tp]
        chunk.append(records.popleft())
        if records:
            heapq.heapreplace(heads, (records[0].timestamp, tp))
        elif tp in unread:
            break
        else:
            heapq.heappop(heads)
    return chunk

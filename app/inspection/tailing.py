"""Reading a topic as `kcat` does: from a place on, to its end or for ever, what fits a filter."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.errors import InputError
from app.inspection.decoding import TopicDecoder, json_of
from app.inspection.filters import Condition
from app.inspection.ordering import in_time_order, merged
from app.inspection.reader import CHUNK, Span, TopicReader
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey, murmur2_partition

_POLL_SECONDS = 0.5
_OFFSET = re.compile(r"-?[0-9]{1,18}")


class Seen(NamedTuple):
    """A record, why it does not fit its topic (None: it does), and its JSON if it was needed."""

    record: RawRecord
    problem: str | None
    fields: Any = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read. Times are Unix seconds; offsets as in `kcat -o`.

    `offset` is `beginning`, `end`, an offset, or `-N`: the last N of each partition. `from_time`
    comes before it.
    """

    topic: str
    offset: str = "beginning"
    from_time: float | None = None
    until: float | None = None
    partition: int | None = None
    key: bytes | None = None
    conditions: tuple[Condition, ...] = ()
    bad_only: bool = False
    raw: bool = False
    follow: bool = True

    def __post_init__(self) -> None:
        if self.offset not in {"beginning", "end"} and not _OFFSET.fullmatch(self.offset):
            raise InputError(
                f"{self.offset[:40]!r} is no offset: beginning, end, a number, or -N (the last N)",
                field="--offset",
            )
        if self.from_time is not None and self.until is not None and self.until <= self.from_time:
            raise InputError("ends before it begins", field="--until")


class Tail:
    """One reading of a topic. `read` counts what was looked at, `bad` what does not fit."""

    def __init__(self, reader: TopicReader, decoder: TopicDecoder, wanted: Wanted) -> None:
        self._reader, self._decoder, self._wanted = reader, decoder, wanted
        self.read = 0
        self.bad = 0
        self.expected: int | None = None
        """How many records there are up to the end; None once they are followed live."""

    async def run(self, stop: asyncio.Event) -> AsyncIterator[list[Seen]]:
        """Give what fits, a chunk at a time: up to the ends as they are now by time over all
        partitions, then (with `follow`) what comes, by time within each poll, until `stop`.

        Raises TopicMissing, InputError (no such partition), BrokerUnavailable.
        """
        wanted = self._wanted
        partitions = await self._partitions()
        spans = await self._reader.spans(partitions)
        starts = await self._starts(spans)
        ends = {tp: span.end for tp, span in spans.items()}
        over = wanted.until is not None and wanted.until <= time.time()
        if over:
            ends = await self._reader.offsets_at(partitions, wanted.until or 0.0)
        self.expected = sum(max(0, ends[tp] - at) for tp, at in starts.items())
        if self.expected:
            async for records in in_time_order(self._reader, starts, ends):
                if stop.is_set():
                    return
                for begin in range(0, len(records), CHUNK):
                    yield self._fitting(records[begin : begin + CHUNK])
        if wanted.follow and not over:
            self.expected = None
            async for chunk in self._live(starts, ends, stop):
                yield chunk

    async def _live(
        self,
        starts: dict[PartitionKey, int],
        ends: dict[PartitionKey, int],
        stop: asyncio.Event,
    ) -> AsyncIterator[list[Seen]]:
        """Follow from the ends on: Kafka knows no place beyond them. What starts later waits."""
        places = {tp: ends[tp] for tp in starts}
        reading = await self._reader.read(places)
        until = self._wanted.until
        while not stop.is_set() and (until is None or time.time() < until):
            found = merged(await reading.fetch(list(places), CHUNK, _POLL_SECONDS))
            yield self._fitting(
                [
                    record
                    for record in found
                    if record.offset >= starts[record.topic, record.partition]
                    and (until is None or record.timestamp < until)
                ]
            )

    async def _partitions(self) -> list[PartitionKey]:
        wanted = self._wanted
        found = await self._reader.partitions([wanted.topic])
        if wanted.partition is not None:
            if wanted.partition >= len(found):
                raise InputError(
                    f"{wanted.topic} has partitions 0 to {len(found) - 1}", field="--partition"
                )
            return [(wanted.topic, wanted.partition)]
        if wanted.key is not None and self._decoder.keyed_by_us:
            return [(wanted.topic, murmur2_partition(wanted.key, len(found)))]
        return found

    async def _starts(self, spans: dict[PartitionKey, Span]) -> dict[PartitionKey, int]:
        wanted = self._wanted
        if wanted.from_time is not None:
            return await self._reader.offsets_at(list(spans), wanted.from_time)
        match wanted.offset:
            case "beginning":
                return {tp: span.start for tp, span in spans.items()}
            case "end":
                return {tp: span.end for tp, span in spans.items()}
        number = int(wanted.offset)
        if number < 0 or wanted.offset.startswith("-"):
            return {tp: max(span.start, span.end + number) for tp, span in spans.items()}
        return {tp: max(span.start, number) for tp, span in spans.items()}

    def _fitting(self, records: Sequence[RawRecord]) -> list[Seen]:
        wanted = self._wanted
        self.read += len(records)
        found = []
        for record in records:
            if wanted.key is not None and record.key != wanted.key:
                continue
            problem = None if wanted.raw else self._decoder.problem(record)
            self.bad += problem is not None
            if wanted.bad_only and problem is None:
                continue
            if wanted.conditions:
                if problem is not None:
                    continue
                fields = json_of(record.value)
                if not all(holds(fields) for holds in wanted.conditions):
                    continue
                found.append(Seen(record, None, fields))
            else:
                found.append(Seen(record, problem))
        return found

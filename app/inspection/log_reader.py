"""Inspection of an embedded log: its files beside any engine, or a storage in this process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from app.broker.topic_admin import TopicState
from app.data_dir.consumer_files import file_groups, read_offsets, write_offsets
from app.errors import BrokerUnavailable
from app.inspection.reader import (
    CHUNK,
    GroupActive,
    GroupState,
    Member,
    PartitionState,
    Span,
    TopicMissing,
    TopicReader,
)
from app.transports import LogError, LogInUse, RawRecord
from app.transports.embedded.storage import PartitionKey

_LOOK_SECONDS = 0.1
#: Offsets that one look for a key covers.
_STRETCH = 50_000
Value = TypeVar("Value")


class LogReader(TopicReader):
    """Reads `log`: a `SqliteReader`, or a storage of this process (which is not closed here).

    `engine` is the address of the engine that works on it, if one does: the only member of every
    group of the log. With `data_dir` the groups that keep their offsets in files there are found,
    too: nobody is known to be in one.
    """

    def __init__(
        self,
        log: Any,
        where: str,
        *,
        engine: str | None = None,
        owned: bool = True,
        data_dir: Path | None = None,
    ) -> None:
        self.where = where
        self._log = log
        self._engine = engine
        self._owned = owned
        self._data_dir = data_dir

    async def topics(self) -> list[str]:
        return list(await self._ask(self._log.topics))

    async def partitions(self, topics: Sequence[str]) -> list[PartitionKey]:
        known = await self._ask(self._log.topics)
        missing = [name for name in topics if name not in known]
        if missing:
            raise TopicMissing(f"there is no topic {', '.join(missing)} in {self.where}")
        return [(name, n) for name in topics for n in range(known[name].partitions)]

    async def spans(self, partitions: Collection[PartitionKey]) -> dict[PartitionKey, Span]:
        log = self._log
        return await self._ask(lambda: {tp: Span(log.start(tp), log.end(tp)) for tp in partitions})

    async def offsets_at(
        self, partitions: Collection[PartitionKey], when: float
    ) -> dict[PartitionKey, int]:
        log = self._log
        return await self._ask(lambda: {tp: log.offset_at(tp, when) for tp in partitions})

    async def read(self, positions: Mapping[PartitionKey, int]) -> LogReading:
        return LogReading(self, dict(positions))

    async def find(
        self, key: bytes, spans: Mapping[PartitionKey, Span]
    ) -> AsyncIterator[tuple[int, list[RawRecord]]]:
        for tp, (start, end) in spans.items():
            for low in range(start, end, _STRETCH):
                high = min(end, low + _STRETCH)
                found = await self._ask(self._log.find, tp, key, low, high)
                yield high - low, found

    async def describe(self, topic: str) -> list[PartitionState]:
        spans = await self.spans(await self.partitions([topic]))
        return [PartitionState(tp[1], span) for tp, span in spans.items()]

    async def states(self, topics: Sequence[str]) -> dict[str, TopicState]:
        known = await self._ask(self._log.topics)
        return {
            name: TopicState(
                name,
                known[name].partitions,
                {key: str(value) for key, value in known[name].config.items()},
            )
            for name in topics
            if name in known
        }

    async def sizes(self, topics: Collection[str]) -> dict[str, int]:
        return await self._ask(lambda: {name: self._log.size(name) for name in topics})

    async def group_names(self) -> list[str]:
        return await self._ask(self._names)

    async def groups(self) -> list[GroupState]:
        return [self._state(name) for name in await self.group_names()]

    async def group(self, name: str) -> GroupState:
        if name not in await self.group_names():
            return GroupState(name, "Dead")
        state = self._state(name)
        if self._engine is None or state.state == "Empty":
            return state
        partitions = frozenset(await self.committed(name))
        return GroupState(name, state.state, (Member(self._engine, name, "-", partitions),))

    def _names(self) -> list[str]:
        return sorted({*self._log.groups(), *self._filed()})

    def _filed(self) -> list[str]:
        return [] if self._data_dir is None else file_groups(self._data_dir)

    def _state(self, name: str) -> GroupState:
        alone = self._engine is None or name in self._filed()
        return GroupState(name, "Empty" if alone else "Stable")

    async def committed(self, group: str) -> dict[PartitionKey, int]:
        return await self._ask(self._committed, group)

    def _committed(self, group: str) -> dict[PartitionKey, int]:
        found = self._log.committed(group)
        kept = {} if self._data_dir is None else read_offsets(self._data_dir, group)
        return {(tp[0], tp[1]): offset for tp, offset in found.items()} | {
            (topic, int(partition)): offset
            for topic, partitions in kept.items()
            for partition, offset in partitions.items()
        }

    async def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        """Set the offsets; a log in files is opened for writing, which an engine forbids."""
        from app.transports.embedded.sqlite import SqliteStorage

        if self._data_dir is not None and group in await asyncio.to_thread(self._filed):
            await asyncio.to_thread(self._file_offsets, self._data_dir, group, offsets)
            return
        if not self._owned:
            await self._log.commit(group, offsets)
            return
        try:
            storage = await asyncio.to_thread(SqliteStorage, self._log.folder)
        except LogInUse as error:
            raise GroupActive(f"{error}: stop it first") from error
        try:
            await storage.commit(group, offsets)
        finally:
            await asyncio.to_thread(storage.close)

    @staticmethod
    def _file_offsets(data_dir: Path, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        kept = read_offsets(data_dir, group)
        for (topic, partition), offset in offsets.items():
            kept.setdefault(topic, {})[str(partition)] = offset
        write_offsets(data_dir, group, kept)

    async def close(self) -> None:
        if self._owned:
            await asyncio.to_thread(self._log.close)  # which waits for a look that is under way

    async def run(
        self, wanted: Sequence[tuple[PartitionKey, int, int]]
    ) -> list[tuple[list[RawRecord], int]]:
        """Return for each (partition, offset, limit) its records and the partition's end before."""
        log = self._log

        def look() -> list[tuple[list[RawRecord], int]]:
            # The end first: what comes between the two looks must not count as read.
            ends = [log.end(tp) for tp, _, _ in wanted]
            return [
                (log.read(tp, offset, limit), end)
                for (tp, offset, limit), end in zip(wanted, ends, strict=True)
            ]

        return await self._ask(look)

    async def _ask(self, work: Callable[..., Value], *arguments: Any) -> Value:
        try:
            if self._log.blocking:
                return await asyncio.to_thread(work, *arguments)
            return work(*arguments)
        except (LogError, sqlite3.Error) as error:
            raise BrokerUnavailable(f"{self.where}: {error}") from error


class LogReading:
    """Partitions of an embedded log being read; new records are looked for ten times a second."""

    def __init__(self, reader: LogReader, positions: dict[PartitionKey, int]) -> None:
        self._reader = reader
        self.positions = positions

    async def fetch(
        self, partitions: Collection[PartitionKey], limit: int, seconds: float
    ) -> dict[PartitionKey, list[RawRecord]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        wanted = list(partitions)
        while True:
            asked = [(tp, self.positions[tp], min(limit, CHUNK)) for tp in wanted]
            found, moved = {}, False
            for (tp, offset, _), (run, end) in zip(
                asked, await self._reader.run(asked), strict=True
            ):
                # Retention and compaction leave gaps: nothing there is "read up to the end".
                self.positions[tp] = run[-1].offset + 1 if run else max(offset, end)
                moved = moved or self.positions[tp] > offset
                if run:
                    found[tp] = run
            if moved or loop.time() >= until:
                return found
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - loop.time())))

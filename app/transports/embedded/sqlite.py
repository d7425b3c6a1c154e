"""The durable log: a SQLite file in a folder, written by one process.

Every append and every commit of offsets is synced to disk (WAL, `synchronous=FULL`) before its
future is done, so neither a killed process nor a lost machine loses it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from time import time
from typing import IO, Any

from faust.types.tuples import RecordMetadata

from app.data_dir.private_files import make_data_dir, make_private_folder, open_private
from app.transports.embedded import upkeep
from app.transports.embedded.errors import LogError, LogInUse, UnknownTopic
from app.transports.embedded.layout import (
    LOCK_NAME,
    connect,
    end_of,
    insert_topic,
    pack_headers,
    prepare,
    read_topics,
    row_id,
)
from app.transports.embedded.reader import SqliteReader
from app.transports.embedded.storage import (
    Listener,
    NewRecord,
    PartitionKey,
    TopicInfo,
    murmur2_partition,
    place_of,
)
from app.transports.embedded.writer import Writer


@dataclass(slots=True)
class _Append:
    future: asyncio.Future[RecordMetadata]
    record: NewRecord
    timestamp: float
    patient: bool
    offset: int = -1

    def settle(self, error: BaseException | None) -> None:
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(place_of(self.record, self.offset, self.timestamp))


@dataclass(slots=True)
class _Commit:
    future: asyncio.Future[None]
    group: str
    offsets: dict[PartitionKey, int]
    patient: bool = True

    def settle(self, error: BaseException | None) -> None:
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(None)


class SqliteStorage(SqliteReader):
    """The log in `folder`; `LogInUse` when another process (or storage) has it."""

    def __init__(self, folder: Path, *, synchronous: str = "FULL") -> None:
        make_data_dir(folder.absolute().parent)
        make_private_folder(folder)
        self._lock_file = _take_lock(folder / LOCK_NAME)
        try:
            writing = connect(folder)
            prepare(writing, synchronous)
            super().__init__(folder, readonly=False)
            self._topics, self._ids = read_topics(writing)
            self._ends = {tp: end_of(writing, number) for tp, number in self._ids.items()}
        except BaseException as error:
            self._lock_file.close()
            if isinstance(error, sqlite3.Error):
                raise LogError(f"the log in {folder} can't be opened: {error}") from error
            raise
        self._listeners: set[Listener] = set()
        self._turn = count()
        self._creating = Lock()
        self._writing = writing
        self._writer = Writer(writing, self._write, self._written)
        with suppress(LogError):  # no room: it is tried again when the log is opened next
            self._compact(drop_tombstones=True)

    # -- topics

    def create_topic(
        self, name: str, partitions: int, config: Mapping[str, Any] | None = None
    ) -> TopicInfo:
        with self._creating:
            if name not in self._topics:
                settings = dict(config or {})
                self._writer.call(lambda db: insert_topic(db, name, partitions, settings))
                topics, ids = self._writer.call(read_topics)
                self._ids.update(ids)
                self._ends.update({tp: 0 for tp in ids if tp not in self._ends})
                self._topics = topics
            return self._topics[name]

    def topics(self) -> Mapping[str, TopicInfo]:
        return self._topics

    def _partition_id(self, tp: PartitionKey) -> int:
        number = self._ids.get((tp[0], tp[1]))
        if number is not None:
            return number
        if tp[0] in self._topics:
            raise ValueError(f"{tp[0]} has no partition {tp[1]}")
        raise UnknownTopic(tp[0])

    def partition_for(self, topic: str, key: bytes | None) -> int:
        info = self._topics.get(topic)
        if info is None:
            raise UnknownTopic(topic)
        if key is None:
            return next(self._turn) % info.partitions
        return murmur2_partition(key, info.partitions)

    def end(self, tp: PartitionKey) -> int:
        return self._ends.get((tp[0], tp[1]), 0)

    # -- writing

    def append(self, record: NewRecord) -> asyncio.Future[RecordMetadata]:
        self._partition_id((record.topic, record.partition))
        future: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        patient = self._topics[record.topic].compacted
        self._writer.submit(_Append(future, record, record.timestamp or time(), patient))
        return future

    def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit(
            _Commit(future, group, {(tp[0], tp[1]): o for tp, o in offsets.items()})
        )
        return future

    def _write(self, database: sqlite3.Connection, requests: list[Any]) -> None:
        """In the writer's thread and transaction: give offsets and insert."""
        ends: dict[PartitionKey, int] = {}
        rows, commits = [], []
        for request in requests:
            if isinstance(request, _Append):
                record = request.record
                tp = (record.topic, record.partition)
                offset = ends.get(tp, self._ends[tp])
                ends[tp] = offset + 1
                request.offset = offset
                headers = pack_headers(record.headers)
                row = row_id(self._ids[tp], offset)
                rows.append((row, request.timestamp, headers, record.key, record.value))
            else:
                commits += [
                    (request.group, self._partition_id(tp), offset)
                    for tp, offset in request.offsets.items()
                ]
        database.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        database.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", commits)

    def _written(self, requests: list[Any]) -> None:
        """In the writer's thread, after the transaction: let readers see it."""
        appended = False
        for request in requests:
            if isinstance(request, _Append):
                self._ends[request.record.topic, request.record.partition] = request.offset + 1
                appended = True
        if appended:
            for listener in list(self._listeners):
                listener()

    # -- upkeep

    def expire(self, now: float) -> int:
        dropped = 0
        for tp, number in list(self._ids.items()):
            keep_seconds = self._topics[tp[0]].retention_seconds
            if keep_seconds is not None:
                work = partial(upkeep.expire, partition_id=number, oldest=now - keep_seconds)
                while gone := self._writer.call(work):
                    dropped += gone
        dropped += self._compact(drop_tombstones=False)
        if dropped:
            self._writer.call(lambda db: db.execute("PRAGMA incremental_vacuum(2000)").fetchall())
        return dropped

    def _compact(self, *, drop_tombstones: bool) -> int:
        return sum(
            self._writer.call(
                partial(upkeep.compact, partition_id=number, drop_tombstones=drop_tombstones)
            )
            for tp, number in list(self._ids.items())
            if self._topics[tp[0]].compacted
        )

    def add_listener(self, listener: Listener) -> None:
        self._listeners.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        """Write what was handed over and give the lock back."""
        self._writer.close()
        super().close()
        self._writing.close()
        self._lock_file.close()


def _take_lock(path: Path) -> IO[str]:
    file = open_private(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise LogInUse(path.parent, int(holder) if holder.isdigit() else None) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file

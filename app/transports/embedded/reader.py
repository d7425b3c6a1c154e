"""Reading a durable log, from the process that writes it or from any other."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from app.transports.embedded.errors import LogError, UnknownTopic
from app.transports.embedded.layout import (
    connect,
    end_of,
    offset_of,
    read_topics,
    row_id,
    rows_of,
    start_of,
    unpack_headers,
)
from app.transports.embedded.storage import PartitionKey, TopicInfo, murmur2_partition
from app.transports.records import RawRecord


class SqliteReader:
    """The reading half of a storage. Sees what was committed; may be used from any thread."""

    blocking = True

    def __init__(self, folder: Path, *, readonly: bool = True) -> None:
        self.folder = folder
        self._reading = Lock()
        self._database = connect(folder, readonly=readonly)
        if readonly:
            self._refuse_unmade()

    def _refuse_unmade(self) -> None:
        """Raise LogError for a file whose first opening was cut short: the next writer lays it out.

        Raised, too, where the file is damaged.
        """
        try:
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            self._database.close()
            raise LogError(f"the log in {self.folder} can't be read: {error}") from error
        if not version:
            self._database.close()
            raise LogError(f"there is no log in {self.folder}")

    def topics(self) -> Mapping[str, TopicInfo]:
        with self._reading:
            return read_topics(self._database)[0]

    def _partition_id(self, tp: PartitionKey) -> int:
        row = self._one(
            "SELECT p.id FROM partitions p JOIN topics t ON t.id = p.topic"
            " WHERE t.name = ? AND p.partition = ?",
            tp[0],
            tp[1],
        )
        if row is None:
            raise UnknownTopic(tp[0])
        return int(row[0])

    def partition_for(self, topic: str, key: bytes) -> int:
        """The partition that records with this key are in."""
        info = self.topics().get(topic)
        if info is None:
            raise UnknownTopic(topic)
        return murmur2_partition(key, info.partitions)

    def read(self, tp: PartitionKey, offset: int, limit: int) -> list[RawRecord]:
        topic, partition = tp[0], tp[1]
        number = self._partition_id(tp)
        with self._reading:
            rows = self._database.execute(
                "SELECT id, timestamp, headers, key, value FROM records"
                " WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?",
                (row_id(number, max(0, offset)), rows_of(number)[1], limit),
            ).fetchall()
        return [
            RawRecord(
                topic, partition, offset_of(row), timestamp, unpack_headers(headers), key, value
            )
            for row, timestamp, headers, key, value in rows
        ]

    def end(self, tp: PartitionKey) -> int:
        number = self._partition_id(tp)
        with self._reading:
            return end_of(self._database, number)

    def start(self, tp: PartitionKey) -> int:
        number = self._partition_id(tp)
        with self._reading:
            return start_of(self._database, number)

    def offset_at(self, tp: PartitionKey, when: float) -> int:
        """The first offset whose record is of `when` (Unix seconds) or later, or the end."""
        number = self._partition_id(tp)
        low, high = rows_of(number)
        with self._reading:
            (found,) = self._database.execute(
                "SELECT min(id) FROM records WHERE id BETWEEN ? AND ? AND timestamp >= ?",
                (low, high, when),
            ).fetchone()
            return end_of(self._database, number) if found is None else offset_of(found)

    def find(self, tp: PartitionKey, key: bytes, start: int, end: int) -> list[RawRecord]:
        """The records of a key from offset `start` to below `end`; there is no index by key."""
        number = self._partition_id(tp)
        with self._reading:
            rows = self._database.execute(
                "SELECT id, timestamp, headers, key, value FROM records"
                " WHERE id >= ? AND id < ? AND key = ? ORDER BY id",
                (row_id(number, start), row_id(number, end), key),
            ).fetchall()
        return [
            RawRecord(tp[0], tp[1], offset_of(row), timestamp, unpack_headers(headers), *pair)
            for row, timestamp, headers, *pair in rows
        ]

    def size(self, topic: str) -> int:
        """The bytes of a topic's keys and values."""
        partitions = self.topics()[topic].partitions
        numbers = [self._partition_id((topic, n)) for n in range(partitions)]
        with self._reading:
            return sum(
                self._database.execute(
                    "SELECT coalesce(sum(coalesce(length(key), 0) + coalesce(length(value), 0)), 0)"
                    " FROM records WHERE id BETWEEN ? AND ?",
                    rows_of(number),
                ).fetchone()[0]
                for number in numbers
            )

    def committed(self, group: str) -> dict[PartitionKey, int]:
        with self._reading:
            return {
                (topic, partition): offset
                for topic, partition, offset in self._database.execute(
                    "SELECT t.name, p.partition, o.committed FROM offsets o"
                    " JOIN partitions p ON p.id = o.partition JOIN topics t ON t.id = p.topic"
                    " WHERE o.consumer_group = ?",
                    (group,),
                )
            }

    def groups(self) -> list[str]:
        with self._reading:
            found = self._database.execute(
                "SELECT DISTINCT consumer_group FROM offsets ORDER BY consumer_group"
            )
            return [group for (group,) in found]

    def close(self) -> None:
        with self._reading:
            self._database.close()

    def _one(self, statement: str, *values: Any) -> Any:
        with self._reading:
            return self._database.execute(statement, values).fetchone()


def open_readonly(folder: Path) -> SqliteReader:
    """Open the log in `folder` for reading, also while another process writes it."""
    return SqliteReader(folder)

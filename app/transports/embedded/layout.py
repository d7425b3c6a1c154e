"""How the durable log lies in its SQLite file.

A record's row id holds its partition's number and its offset, so that a partition is one run of
the table's own B-tree: appending is at its end, reading is a range scan.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from app.transports.embedded.errors import LogError
from app.transports.embedded.storage import TopicInfo
from app.transports.records import Headers

FILE_NAME = "log.sqlite"
LOCK_NAME = "log.lock"
FORMAT = 1
"""Kept in the file's `user_version`."""
OFFSET_BITS = 40
SYNCHRONOUS = ("FULL", "NORMAL", "OFF")

TABLES = """
CREATE TABLE topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    config TEXT NOT NULL);
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic INTEGER NOT NULL REFERENCES topics, partition INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    compacted INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition));
CREATE TABLE records (
    id INTEGER PRIMARY KEY, timestamp REAL NOT NULL, headers BLOB, key BLOB, value BLOB);
CREATE TABLE offsets (
    consumer_group TEXT NOT NULL, partition INTEGER NOT NULL REFERENCES partitions,
    committed INTEGER NOT NULL, PRIMARY KEY (consumer_group, partition)) WITHOUT ROWID;
"""
# partitions.ended: an offset the partition's end never falls below, whatever was deleted.
# partitions.compacted: the end when superseded keys were last dropped; kept: how many there were.


def row_id(partition_id: int, offset: int) -> int:
    return (partition_id << OFFSET_BITS) | offset


def rows_of(partition_id: int) -> tuple[int, int]:
    """The lowest and the highest row id a partition may use."""
    return row_id(partition_id, 0), row_id(partition_id + 1, 0) - 1


def offset_of(row: int) -> int:
    return row & ((1 << OFFSET_BITS) - 1)


def pack_headers(headers: Headers) -> bytes | None:
    if not headers:
        return None
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return msgspec.msgpack.encode([(str(name), bytes(value)) for name, value in pairs])


def unpack_headers(packed: bytes | None) -> Headers:
    return msgspec.msgpack.decode(packed, type=list[tuple[str, bytes]]) if packed else None


def connect(folder: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open the log's file; transactions are written out (`BEGIN`) by whoever needs one."""
    path = (folder / FILE_NAME).absolute()
    if readonly and not path.exists():
        raise LogError(f"there is no log in {folder}")
    database = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if readonly else 'rwc'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10,
    )
    database.execute("PRAGMA mmap_size = 268435456")
    return database


def prepare(database: sqlite3.Connection, synchronous: str) -> None:
    """Lay out a new file, or check that an old one is of our format."""
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.execute("PRAGMA journal_mode = WAL")
    if synchronous not in SYNCHRONOUS:
        raise ValueError(f"synchronous is one of {SYNCHRONOUS}, not {synchronous!r}")
    database.execute(f"PRAGMA synchronous = {synchronous}")
    database.execute("PRAGMA journal_size_limit = 67108864")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
    elif version != FORMAT:
        raise LogError(f"the log has format {version}; this program reads format {FORMAT}")


def read_topics(
    database: sqlite3.Connection,
) -> tuple[dict[str, TopicInfo], dict[tuple[str, int], int]]:
    """All topics, and the number of each partition."""
    with closing(database.cursor()) as cursor:
        topics = {
            name: TopicInfo(name, partitions, json.loads(config))
            for name, partitions, config in cursor.execute(
                "SELECT name, partitions, config FROM topics ORDER BY id"
            )
        }
        ids = {
            (name, partition): number
            for name, partition, number in cursor.execute(
                "SELECT name, partition, p.id FROM partitions p JOIN topics t ON t.id = p.topic"
            )
        }
    return topics, ids


def insert_topic(
    database: sqlite3.Connection, name: str, partitions: int, config: Mapping[str, Any]
) -> None:
    cursor = database.execute(
        "INSERT INTO topics (name, partitions, config) VALUES (?, ?, ?)",
        (name, partitions, json.dumps(dict(config))),
    )
    database.executemany(
        "INSERT INTO partitions (topic, partition) VALUES (?, ?)",
        [(cursor.lastrowid, partition) for partition in range(partitions)],
    )


def end_of(database: sqlite3.Connection, partition_id: int) -> int:
    """The offset that the partition's next record gets."""
    low, high = rows_of(partition_id)
    (last,) = database.execute(
        "SELECT max(id) FROM records WHERE id BETWEEN ? AND ?", (low, high)
    ).fetchone()
    (ended,) = database.execute(
        "SELECT ended FROM partitions WHERE id = ?", (partition_id,)
    ).fetchone()
    return max(int(ended), 0 if last is None else offset_of(last) + 1)


def start_of(database: sqlite3.Connection, partition_id: int) -> int:
    """The offset of the partition's first record, or its end when it has none."""
    (first,) = database.execute(
        "SELECT min(id) FROM records WHERE id BETWEEN ? AND ?", rows_of(partition_id)
    ).fetchone()
    return end_of(database, partition_id) if first is None else offset_of(first)

"""Dropping what the durable log need not keep: old records, superseded keys."""

from __future__ import annotations

import sqlite3

from app.transports.embedded.layout import end_of, row_id, rows_of

COMPACT_AFTER = 1000
"""Records appended to a compacted partition before its superseded keys are dropped."""


def expire(database: sqlite3.Connection, partition_id: int, oldest: float) -> int:
    """Delete the partition's head up to the first record that is not older than `oldest`.

    Runs inside the caller's transaction. Returns how many records went.
    """
    low, high = rows_of(partition_id)
    (first_kept,) = database.execute(
        "SELECT min(id) FROM records WHERE id BETWEEN ? AND ? AND timestamp >= ?",
        (low, high, oldest),
    ).fetchone()
    end = end_of(database, partition_id)
    below = row_id(partition_id, end) if first_kept is None else first_kept
    gone = database.execute("DELETE FROM records WHERE id >= ? AND id < ?", (low, below)).rowcount
    if gone:
        database.execute("UPDATE partitions SET ended = ? WHERE id = ?", (end, partition_id))
    return gone


def compact(database: sqlite3.Connection, partition_id: int, *, drop_tombstones: bool) -> int:
    """Delete every record whose key has a later one; runs inside the caller's transaction.

    The last record always stays, for table recovery waits until it has seen it. Tombstones
    (value None) may go only while nobody reads: a reader that had passed the deleted value's
    place would otherwise never learn of the deletion.
    """
    end = end_of(database, partition_id)
    (compacted,) = database.execute(
        "SELECT compacted FROM partitions WHERE id = ?", (partition_id,)
    ).fetchone()
    if end - compacted < COMPACT_AFTER:
        return 0
    low, high = rows_of(partition_id)
    database.execute("CREATE TEMP TABLE IF NOT EXISTS latest (key BLOB PRIMARY KEY, id INTEGER)")
    database.execute("DELETE FROM latest")
    database.execute(
        "INSERT OR REPLACE INTO latest"
        " SELECT key, id FROM records WHERE id BETWEEN ? AND ? AND key IS NOT NULL ORDER BY id",
        (low, high),
    )
    last = row_id(partition_id, end - 1)
    gone = database.execute(
        "DELETE FROM records WHERE id BETWEEN ? AND ? AND id != ? AND key IS NOT NULL"
        " AND (id != (SELECT l.id FROM latest l WHERE l.key = records.key)"
        "      OR (? AND value IS NULL))",
        (low, high, last, drop_tombstones),
    ).rowcount
    database.execute("DELETE FROM latest")
    database.execute(
        "UPDATE partitions SET compacted = ?, ended = ? WHERE id = ?", (end, end, partition_id)
    )
    return gone

"""Dropping what the durable log need not keep: old records, superseded keys."""

from __future__ import annotations

import sqlite3

from app.transports.embedded.layout import end_of, row_id, rows_of

COMPACT_AFTER = 1000
"""Records appended to a compacted partition before its superseded keys are dropped: at least
these, and at least as many as were kept the last time."""
EXPIRE_AT_ONCE = 5000
"""Offsets deleted in one transaction, so that appends need not wait long."""


def expire(database: sqlite3.Connection, partition_id: int, oldest: float) -> int:
    """Delete from the partition's head up to the first record not older than `oldest`.

    Runs inside the caller's transaction, and deletes a bounded number: call it again until it
    returns 0. Returns how many records went.
    """
    low, high = rows_of(partition_id)
    (first,) = database.execute(
        "SELECT min(id) FROM records WHERE id BETWEEN ? AND ?", (low, high)
    ).fetchone()
    if first is None:
        return 0
    end = end_of(database, partition_id)
    kept = database.execute(
        "SELECT id FROM records WHERE id BETWEEN ? AND ? AND timestamp >= ? ORDER BY id LIMIT 1",
        (low, first + EXPIRE_AT_ONCE, oldest),
    ).fetchone()
    below = kept[0] if kept else min(row_id(partition_id, end), first + EXPIRE_AT_ONCE)
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
    compacted, kept = database.execute(
        "SELECT compacted, kept FROM partitions WHERE id = ?", (partition_id,)
    ).fetchone()
    if end - compacted < max(COMPACT_AFTER, kept):
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
    (kept,) = database.execute("SELECT count(*) FROM latest").fetchone()
    database.execute("DELETE FROM latest")
    database.execute(
        "UPDATE partitions SET compacted = ?, kept = ?, ended = ? WHERE id = ?",
        (end, kept, end, partition_id),
    )
    return gone

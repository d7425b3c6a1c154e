"""The database of a run, as those outside the workers see and cut it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

FINAL = ["validated", "low_quality", "unscored", "dead"]

Ends = dict[str, tuple[int, tuple[Any, ...]]]


def changed_ends(before: Ends, after: Ends) -> int:
    """Return how many ends are gone or other than they were.

    A new round of a question is none of them: a dead question that is posted again gets one.
    """
    newest = {question: after.get(question, (-1, ())) for question in before}
    return sum(
        newest[question][0] < round_
        or (newest[question][0] == round_ and newest[question][1] != row)
        for question, (round_, row) in before.items()
    )


class Database:
    """One database, by its DSN: a connection for each look."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def ends(self) -> Ends:
        """Return all that is stored of each question that has ended, with its round."""
        async with self._connection() as connection:
            rows = await connection.fetch("SELECT * FROM questions WHERE status = ANY($1)", FINAL)
        return {row["question_id"]: (row["round"], tuple(row)) for row in rows}

    async def any_end(self, since: float) -> bool:
        """Tell whether a question has ended after a time (Unix seconds)."""
        async with self._connection() as connection:
            found: bool = await connection.fetchval(
                "SELECT exists(SELECT FROM questions WHERE finished_at > $1 AND status = ANY($2))",
                since,
                FINAL,
            )
        return found

    async def cut_connections(self) -> int:
        """End every other connection to this database; return how many there were."""
        async with self._connection() as connection:
            ended: int = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        return ended

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

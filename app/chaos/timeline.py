"""The course of a run, sampled: what is done and open, how long it took, calls in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from app.chaos.database import FINAL
from app.chaos.model import FakeModel

SAMPLE_SECONDS = 1.0


class Timeline:
    """Samples until it is cancelled; a part that is away keeps its last figure."""

    def __init__(self, dsn: str, model: FakeModel | None, accepted: Callable[[], int]) -> None:
        self._dsn = dsn
        self._model = model
        self._accepted = accepted
        self._start = time.monotonic()
        self._newest_end = 0.0
        self.done = 0
        self._in_flight = 0
        self._latencies = (0.0, 0.0)
        self.columns: dict[str, list[float]] = {
            name: []
            for name in ("t", "done", "pending", "latency_p50", "latency_p99", "calls_in_flight")
        }

    def now(self) -> float:
        """Seconds since the beginning of the run."""
        return time.monotonic() - self._start

    async def run(self) -> None:
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def sample(self) -> None:
        """Look once."""
        at = self.now()
        await asyncio.gather(self._ask_database(), self._ask_model())
        row = (
            round(at, 2),
            self.done,
            max(0, self._accepted() - self.done),
            *self._latencies,
            self._in_flight,
        )
        for column, value in zip(self.columns.values(), row, strict=True):
            column.append(value)

    async def _ask_database(self) -> None:
        try:
            async with asyncio.timeout(3):
                connection = await asyncpg.connect(self._dsn)
                try:
                    await self._read(connection)
                finally:
                    connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return

    async def _read(self, connection: Any) -> None:
        self.done = await connection.fetchval(
            "SELECT count(*) FROM questions WHERE status = ANY($1)", FINAL
        )
        rows = await connection.fetch(
            "SELECT finished_at, finished_at - accepted_at FROM questions"
            " WHERE finished_at > $1 AND status = ANY($2)",
            self._newest_end,
            FINAL,
        )
        if rows:
            self._newest_end = max(row[0] for row in rows)
            seconds = [row[1] for row in rows]
            self._latencies = (percentile(seconds, 0.5), percentile(seconds, 0.99))

    async def _ask_model(self) -> None:
        if self._model is None:
            return
        try:
            self._in_flight = (await self._model.stats())["in_flight"]
        except (OSError, TimeoutError, ValueError, KeyError):
            self._in_flight = 0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values are; 0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else 0.0

"""Readers of Kafka that wait for the next look, until nobody has looked for a while."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from app.errors import UnavailableError
from app.inspection.kafka_reader import KafkaReader
from app.inspection.reader import TopicReader


@dataclass(slots=True, eq=False)
class Idle:
    """A reader that nobody uses, and what ends its wait."""

    reader: KafkaReader
    end: asyncio.Task[None] | None = None


class IdleReaders:
    """Keeps readers of Kafka for `seconds`; others are closed at once: they cost nothing to open.

    The last one that came back is the first to go out again, so that what is not needed gets old.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: list[Idle] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> TopicReader | None:
        """Return one that waits, which is then the caller's; None when there is none."""
        if not self._waiting:
            return None
        found = self._waiting.pop()
        if found.end is not None:
            found.end.cancel()
        return found.reader

    async def give(self, reader: TopicReader) -> None:
        """Take back a reader that works."""
        if not isinstance(reader, KafkaReader) or self._closed:
            await reader.close()
            return
        reader.rest()
        idle = Idle(reader)
        self._waiting.append(idle)
        idle.end = asyncio.create_task(self._end(idle))
        self._ending.add(idle.end)
        idle.end.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Close all that wait, and what comes back later."""
        self._closed = True
        closing = self._ending - {idle.end for idle in self._waiting}
        while (reader := self.take()) is not None:
            await reader.close()
        if closing:
            await asyncio.wait(closing)

    async def _end(self, idle: Idle) -> None:
        await asyncio.sleep(self._seconds)
        self._waiting.remove(idle)
        with suppress(UnavailableError, OSError):  # a broker that is gone needs no farewell
            await idle.reader.close()

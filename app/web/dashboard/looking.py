"""Looking at the broker from within a worker: a few at once, without a group, for a short time.

Clients of Kafka are kept for the looks to come: making one takes longer than most looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.broker import kafka_hosts, kafka_security, log_folder
from app.errors import InputError, NotFoundError, UnavailableError
from app.inspection.kafka_reader import KafkaReader
from app.inspection.log_reader import LogReader
from app.inspection.reader import TopicReader
from app.settings import Settings
from app.transports import LogError, storage_for
from app.transports.embedded.reader import open_readonly
from app.web.dashboard.idle import IdleReaders
from app.web.running import Running

#: How many look at once, how long one more waits for its turn, and how long a look may take.
AT_ONCE = 3
TURN_SECONDS = 1.0
LOOK_SECONDS = 10.0
#: A client of Kafka that nobody has used for so long is closed.
IDLE_SECONDS = 60.0
#: Of each partition in one fetch from Kafka.
FETCH_BYTES = 256 * 1024


class Busy(UnavailableError):
    """As many as may are looking at the topics."""

    retry_after_seconds = 1.0


class Looking:
    """Gives readers of the worker's own broker: one for each look that is under way."""

    def __init__(self, running: Running, settings: Settings) -> None:
        self.running, self.settings = running, settings
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._idle = IdleReaders(IDLE_SECONDS)

    @asynccontextmanager
    async def reader(self, seconds: float = LOOK_SECONDS) -> AsyncIterator[TopicReader]:
        """Give a reader for so long, and close it. Raises Busy, UnavailableError."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise Busy(f"{AT_ONCE} look at the topics already: try again in a moment") from None
        try:
            async with asyncio.timeout(seconds):
                reader = self._idle.take()
                if reader is None:
                    reader = await asyncio.to_thread(self._open)
                try:
                    yield reader
                except (NotFoundError, InputError):
                    await self._idle.give(reader)
                    raise
                except BaseException:  # who knows what it waits for: the next look makes a new one
                    await reader.close()
                    raise
                await self._idle.give(reader)
        except TimeoutError:
            raise UnavailableError(f"the topics were not read within {seconds:.0f} s") from None
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close what is kept."""
        await self._idle.close()

    def _open(self) -> TopicReader:
        owner, url = self.running.first.owner, str(self.running.first.app.conf.broker[0])
        if url.startswith("memory:"):
            return LogReader(storage_for(url), "the log in memory", engine=owner, owned=False)
        if self.settings.broker.startswith("kafka://"):
            hosts, security = kafka_hosts(self.settings), kafka_security(self.settings)
            return KafkaReader(hosts, security, fetch_bytes=FETCH_BYTES)
        folder, data = log_folder(self.settings), self.settings.data_dir
        try:
            return LogReader(
                open_readonly(folder), f"the log in {folder}", engine=owner, data_dir=data
            )
        except LogError as error:
            raise UnavailableError(f"the log in {folder} can't be read: {error}") from error

"""Reading the topic `ratings` as a consumer group of one's own, whatever the broker.

On Kafka the group is a group like any other, and its offsets are there. The embedded log is opened
read-only, beside an engine or without one, and the offsets are in a file of ours:
`DATA_DIR/consumers/GROUP.json`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from app.broker import kafka_hosts, kafka_security, log_folder
from app.broker.topic_admin import open_topic_admin
from app.data_dir.consumer_files import read_offsets, write_offsets
from app.errors import BrokerUnavailable, InputError, NotFoundError
from app.settings import PREFIX, Settings
from app.transports import LogError, RawRecord
from app.transports.embedded.reader import SqliteReader, open_readonly

#: Records of a fetch.
CHUNK = 5000
_LOOK_SECONDS = 0.2
_ANSWER_SECONDS = 20.0
_JOIN_SECONDS = 60.0


class GroupReader(Protocol):
    """Reads the partitions that the group gives us, from its committed offsets on."""

    where: str
    """The broker, for people."""

    async def fetch(self, limit: int, seconds: float) -> Sequence[RawRecord]:
        """Return up to `limit` records, in order within a partition; none after `seconds`."""
        ...

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Keep for each partition the offset to go on from."""
        ...

    async def lag(self) -> dict[int, int]:
        """Return how many records of each partition are still to be read."""
        ...


@asynccontextmanager
async def open_group(
    settings: Settings, topic: str, group: str | None, *, reset: bool = False
) -> AsyncIterator[GroupReader]:
    """Give a reader of the group; `reset` begins at the first record there is.

    Without a group all partitions are read from their first record, and nothing can be committed.

    Raises NotFoundError without the topic, BrokerUnavailable when nobody answers.
    """
    if not settings.embedded:
        async with kafka_group(settings, topic, group, reset=reset) as reader:
            yield reader
    elif settings.broker.startswith("log:"):
        try:
            log = await asyncio.to_thread(open_readonly, log_folder(settings))
        except LogError as error:
            raise _nothing_yet(topic) from error
        try:
            if topic not in log.topics():
                raise _nothing_yet(topic)
            yield LogGroup(log, topic, settings.data_dir, group, reset=reset)
        finally:
            log.close()
    else:
        raise InputError(
            f"{PREFIX}BROKER: {settings.broker} is in another process's memory: use log: or kafka://"
        )


def _nothing_yet(topic: str) -> NotFoundError:
    return NotFoundError(
        f"there is no topic {topic} yet: answerloop ratings produce makes it, and so does a worker"
    )


class LogGroup:
    """A group on the embedded log."""

    def __init__(
        self, log: SqliteReader, topic: str, data_dir: Path, group: str | None, *, reset: bool
    ) -> None:
        self._log, self._topic = log, topic
        self.where = f"the log in {log.folder}"
        self._data_dir = data_dir
        self._group = group
        self._kept = {} if group is None else read_offsets(data_dir, group)
        committed = {} if reset else self._kept.get(topic, {})
        partitions = range(log.topics()[topic].partitions)
        self._positions = {
            each: max(committed.get(str(each), 0), log.start((topic, each))) for each in partitions
        }
        self._turn = 0

    async def fetch(self, limit: int, seconds: float) -> Sequence[RawRecord]:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = await asyncio.to_thread(self._fetch, limit)
            left = until - loop.time()
            if found or left <= 0:
                return found
            await asyncio.sleep(min(_LOOK_SECONDS, left))

    def _fetch(self, limit: int) -> list[RawRecord]:
        """Read from each partition in turn, another one first each time."""
        found: list[RawRecord] = []
        count = len(self._positions)
        self._turn += 1
        for n in range(count):
            if len(found) >= limit:
                break
            partition = (self._turn + n) % count
            records = self._log.read(
                (self._topic, partition), self._positions[partition], limit - len(found)
            )
            if records:
                self._positions[partition] = records[-1].offset + 1
                found += records
        return found

    async def commit(self, positions: Mapping[int, int]) -> None:
        kept = self._kept.setdefault(self._topic, {})
        kept |= {str(partition): offset for partition, offset in self._positions.items()}
        kept |= {str(partition): offset for partition, offset in positions.items()}
        await asyncio.to_thread(self._write)

    async def lag(self) -> dict[int, int]:
        return {
            each: max(0, await asyncio.to_thread(self._log.end, (self._topic, each)) - position)
            for each, position in self._positions.items()
        }

    def _write(self) -> None:
        if self._group is None:
            raise ValueError("nothing can be committed without a group")
        write_offsets(self._data_dir, self._group, self._kept)


class KafkaGroup:
    """A member of a consumer group on Kafka."""

    def __init__(self, consumer: Any, where: str) -> None:
        self._consumer = consumer
        self.where = where

    async def fetch(self, limit: int, seconds: float) -> Sequence[RawRecord]:
        from aiokafka.errors import KafkaError

        try:
            found = await self._consumer.getmany(
                timeout_ms=max(0, int(seconds * 1000)), max_records=limit
            )
        except KafkaError as error:
            raise BrokerUnavailable(f"{PREFIX}BROKER: {self.where}: {error}") from error
        return [
            RawRecord(
                record.topic,
                record.partition,
                record.offset,
                record.timestamp / 1000,
                record.headers,
                record.key,
                record.value,
            )
            for record in chain.from_iterable(found.values())
        ]

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Commit what is still ours: another member may have taken a partition over."""
        offsets = {
            tp: positions[tp.partition]
            for tp in self._consumer.assignment()
            if tp.partition in positions
        }
        if offsets:
            await self._answer(self._consumer.commit(offsets), "the offsets were not committed")

    async def ends(self) -> dict[int, int]:
        """Return the end of each partition that is ours."""
        mine = sorted(self._consumer.assignment())
        found = await self._answer(self._consumer.end_offsets(mine), "the ends are not known")
        return {tp.partition: end for tp, end in found.items()}

    async def lag(self) -> dict[int, int]:
        ends, found = await self.ends(), {}
        for tp in sorted(self._consumer.assignment()):
            asked = self._consumer.position(tp)
            position = await self._answer(asked, "the position is not known")
            found[tp.partition] = max(0, ends.get(tp.partition, 0) - position)
        return found

    async def _answer(self, asked: Awaitable[Any], otherwise: str) -> Any:
        """Return what the broker answers in time. Raises BrokerUnavailable."""
        from aiokafka.errors import KafkaError

        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asked
        except (KafkaError, TimeoutError) as error:
            why = str(error) or f"no answer within {_ANSWER_SECONDS:.0f} s"
            raise BrokerUnavailable(f"{PREFIX}BROKER: {self.where}: {otherwise} ({why})") from error


@asynccontextmanager
async def kafka_group(
    settings: Settings, topic: str, group: str | None, *, reset: bool = False
) -> AsyncIterator[KafkaGroup]:
    """Join a group on Kafka. Raises NotFoundError without the topic."""
    from aiokafka import AIOKafkaConsumer
    from aiokafka.errors import KafkaError

    admin = await open_topic_admin(settings)
    try:
        if topic not in await admin.describe([topic]):
            raise _nothing_yet(topic)
    finally:
        await admin.close()
    hosts = ",".join(kafka_hosts(settings))
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka_hosts(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=20_000,
        **kafka_security(settings),
    )
    try:
        await consumer.start()
        async with asyncio.timeout(_JOIN_SECONDS):
            while not consumer.assignment():
                await asyncio.sleep(0.05)
        if reset:
            await consumer.seek_to_beginning()
    except (KafkaError, OSError, TimeoutError) as error:
        await consumer.stop()
        why = str(error) or f"group {group} gives us no partition: all are other members'"
        raise BrokerUnavailable(f"{PREFIX}BROKER: Kafka at {hosts}: {why}") from error
    try:
        yield KafkaGroup(consumer, f"Kafka at {hosts}")
    finally:
        await consumer.stop()

"""Topics read from outside any group: every record of one, and what a group has left unread.

A topic that is not there raises TopicMissing: who sees nothing must not say that all is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from app.broker import kafka_hosts, kafka_security, log_folder
from app.errors import BrokerUnavailable, UnavailableError
from app.settings import PREFIX, Settings
from app.transports.embedded.reader import open_readonly

_COORDINATOR_TRIES = 20
_COORDINATOR_PAUSE_SECONDS = 0.5


class TopicMissing(BrokerUnavailable):
    """There is no such topic."""


class TopicReader(Protocol):
    """Reads topics without being a member of any group."""

    async def values(self, topic: str) -> list[bytes]:
        """Return the value of every record of a topic; null values are left out."""
        ...

    async def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """Return `topic/partition` -> records beyond the committed offset, where there are any."""
        ...

    async def close(self) -> None: ...


class LogReader:
    """The embedded log, from its files."""

    def __init__(self, folder: Path) -> None:
        self._reader = open_readonly(folder)

    async def values(self, topic: str) -> list[bytes]:
        found = []
        for tp in self._partitions(topic):
            offset, end = self._reader.start(tp), self._reader.end(tp)
            while offset < end:
                records = self._reader.read(tp, offset, 1000)
                if not records:
                    break
                found += [bytes(record.value) for record in records if record.value is not None]
                offset = records[-1].offset + 1
        return found

    async def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        committed = {(tp[0], tp[1]): n for tp, n in self._reader.committed(group).items()}
        found = {}
        for topic in topics:
            for tp in self._partitions(topic):
                done = committed.get(tp, self._reader.start(tp))
                found[f"{topic}/{tp[1]}"] = self._reader.end(tp) - done
        return {where: behind for where, behind in found.items() if behind}

    async def close(self) -> None:
        self._reader.close()

    def _partitions(self, topic: str) -> list[tuple[str, int]]:
        info = self._reader.topics().get(topic)
        if info is None:
            raise TopicMissing(f"there is no topic {topic}")
        return [(topic, n) for n in range(info.partitions)]


class KafkaReader:
    """Kafka, by a consumer without a group."""

    def __init__(self, bootstrap: Sequence[str], security: Mapping[str, Any] | None = None) -> None:
        self._options = {"bootstrap_servers": list(bootstrap), **(security or {})}
        self._consumer: Any = None
        self._admin: Any = None

    async def _started(self) -> Any:
        if self._consumer is None:
            from aiokafka import AIOKafkaConsumer
            from aiokafka.admin import AIOKafkaAdminClient
            from aiokafka.errors import KafkaError

            try:
                self._admin = AIOKafkaAdminClient(**self._options)
                await self._admin.start()
            except KafkaError as error:
                raise BrokerUnavailable(f"Kafka does not answer: {error}") from error
            self._consumer = AIOKafkaConsumer(
                **self._options,
                max_partition_fetch_bytes=16 * 1024 * 1024,
                enable_auto_commit=False,
            )
            await self._consumer.start()
        return self._consumer

    async def values(self, topic: str) -> list[bytes]:
        consumer = await self._started()
        partitions = await self._partitions([topic])
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions)
        open_ = {tp for tp in partitions if ends[tp] > starts[tp]}
        consumer.assign(list(open_))
        if open_:
            await consumer.seek_to_beginning(*open_)
        found: list[bytes] = []
        while open_:
            batches = await asyncio.wait_for(consumer.getmany(*open_, timeout_ms=1000), 30)
            for records in batches.values():
                found += [record.value for record in records if record.value is not None]
            for tp in list(open_):
                if await consumer.position(tp) >= ends[tp]:
                    open_.discard(tp)
        return found

    async def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        consumer = await self._started()
        partitions = await self._partitions(topics)
        committed = await self._committed(group)
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions)
        found = {}
        for tp in partitions:
            done = committed[tp].offset if tp in committed else starts[tp]
            found[f"{tp.topic}/{tp.partition}"] = ends[tp] - max(done, starts[tp])
        return {where: behind for where, behind in found.items() if behind}

    async def _committed(self, group: str) -> Mapping[Any, Any]:
        """Return the group's offsets. A broker that never had a group needs a moment for the first.

        Raises BrokerUnavailable.
        """
        from aiokafka.errors import KafkaError

        for tries_left in reversed(range(_COORDINATOR_TRIES)):
            try:
                found: Mapping[Any, Any] = await self._admin.list_consumer_group_offsets(group)
            except KafkaError as error:
                if not error.retriable or not tries_left:
                    raise BrokerUnavailable(f"Kafka tells no offsets: {error}") from error
                await asyncio.sleep(_COORDINATOR_PAUSE_SECONDS)
            else:
                return found
        raise AssertionError("unreachable")

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    async def _partitions(self, topics: Sequence[str]) -> list[Any]:
        from aiokafka import TopicPartition

        await self._started()
        found = await self._admin.describe_topics(list(topics))
        missing = [each["topic"] for each in found if not each["partitions"]]
        if missing or len(found) != len(topics):
            raise TopicMissing(f"there is no topic {', '.join(missing)}")
        return [
            TopicPartition(each["topic"], partition["partition"])
            for each in found
            for partition in sorted(each["partitions"], key=itemgetter("partition"))
        ]


def open_reader(broker: str) -> TopicReader:
    """Return the reader of `kafka://host:port` or of the folder of an embedded log."""
    if broker.startswith("kafka://"):
        return KafkaReader(broker.removeprefix("kafka://").split(","))
    return LogReader(Path(broker))


def reader_of(settings: Settings) -> TopicReader:
    """Return the reader of the broker in BROKER. Raises UnavailableError where none can be."""
    if settings.broker.startswith("kafka://"):
        return KafkaReader(kafka_hosts(settings), kafka_security(settings))
    if not settings.broker.startswith("log:"):
        raise UnavailableError(
            f"{PREFIX}BROKER is {settings.broker}: nothing of it outlives a process"
        )
    folder = log_folder(settings)
    if not folder.exists():
        raise UnavailableError(f"there is no log in {folder} yet: has a worker run?")
    return LogReader(folder)

"""One set of tests on three brokers: a log in memory, a log in files beside its engine, Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from app.inspection.kafka_reader import KafkaReader
from app.inspection.log_reader import LogReader
from app.inspection.reader import TopicReader
from app.transports import NewRecord
from app.transports.embedded.memory import MemoryStorage
from app.transports.embedded.reader import open_readonly
from app.transports.embedded.sqlite import SqliteStorage
from tests.servers.kafka import KafkaServer


class Broker(Protocol):
    """A broker that a test writes to, and the reader that looks at it."""

    reader: TopicReader

    async def create(self, topic: str, partitions: int) -> None: ...

    async def send(self, record: NewRecord) -> None: ...

    async def commit(self, group: str, offsets: dict[tuple[str, int], int]) -> None: ...


class EmbeddedBroker:
    def __init__(self, log: Any, reader: TopicReader) -> None:
        self.log, self.reader = log, reader

    async def create(self, topic: str, partitions: int) -> None:
        self.log.create_topic(topic, partitions)

    async def send(self, record: NewRecord) -> None:
        await self.log.append(record)

    async def commit(self, group: str, offsets: dict[tuple[str, int], int]) -> None:
        await self.log.commit(group, offsets)


class KafkaBroker:
    def __init__(self, bootstrap: str, producer: Any) -> None:
        self.reader = KafkaReader([bootstrap])
        self._bootstrap, self._producer = bootstrap, producer

    async def create(self, topic: str, partitions: int) -> None:
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic, partitions, 1)])
        await admin.close()
        await self._producer.partitions_for(topic)

    async def send(self, record: NewRecord) -> None:
        await self._producer.send_and_wait(
            record.topic,
            record.value,
            key=record.key,
            partition=record.partition,
            timestamp_ms=None if record.timestamp is None else round(record.timestamp * 1000),
            headers=list(record.headers.items()) if isinstance(record.headers, dict) else None,
        )

    async def commit(self, group: str, offsets: dict[tuple[str, int], int]) -> None:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign([TopicPartition(*tp) for tp in offsets])
        await consumer.commit({TopicPartition(*tp): at for tp, at in offsets.items()})
        await consumer.stop()


@pytest.fixture(params=["memory", "log", pytest.param("kafka", marks=pytest.mark.kafka)])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    if request.param == "kafka":
        from aiokafka import AIOKafkaProducer

        server: KafkaServer = request.getfixturevalue("kafka")
        producer = AIOKafkaProducer(bootstrap_servers=server.bootstrap)
        await producer.start()
        kafka = KafkaBroker(server.bootstrap, producer)
        yield kafka
        await kafka.reader.close()
        await producer.stop()
        return
    log: Any = MemoryStorage() if request.param == "memory" else SqliteStorage(tmp_path / "log")
    reader = (
        LogReader(log, "memory", owned=False)
        if request.param == "memory"
        else LogReader(open_readonly(tmp_path / "log"), "the log")
    )
    yield EmbeddedBroker(log, reader)
    await reader.close()
    log.close()


@pytest.fixture
def topic() -> str:
    """A topic of the test's own."""
    return f"t{uuid4().hex[:8]}"

"""What the transport tests share: backends to run on, apps to run, and a patient `until`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any, Protocol

import faust

from app.transports import NewRecord, RawRecord, Storage, StreamApp, storage_for

PATIENCE_SECONDS = 40.0


class Backend(Protocol):
    """A log to run the contract on. `url` is the broker URL."""

    url: str

    def name(self, stem: str) -> str:
        """A topic or group name that no other test uses."""

    async def create(self, topic: str, partitions: int, **config: Any) -> None: ...

    async def send(
        self, topic: str, partition: int, *values: bytes | None, key: bytes | None = None
    ) -> None:
        """Append past Faust, as another program would."""

    async def committed(self, group: str) -> Mapping[tuple[str, int], int]: ...


class EmbeddedBackend:
    """A memory or SQLite log."""

    def __init__(self, url: str) -> None:
        self.url = url

    def name(self, stem: str) -> str:
        return stem

    async def create(self, topic: str, partitions: int, **config: Any) -> None:
        storage_for(self.url).create_topic(topic, partitions, config)

    async def send(
        self, topic: str, partition: int, *values: bytes | None, key: bytes | None = None
    ) -> None:
        storage = storage_for(self.url)
        sends = [storage.append(NewRecord(topic, partition, key, value)) for value in values]
        await asyncio.gather(*sends)

    async def committed(self, group: str) -> Mapping[tuple[str, int], int]:
        return storage_for(self.url).committed(group)


class KafkaBackend:
    """A real broker; names carry a prefix of their own for each test."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.url = f"strict://{bootstrap}"
        self._prefix = uuid.uuid4().hex[:8]

    def name(self, stem: str) -> str:
        return f"{self._prefix}-{stem}"

    async def create(self, topic: str, partitions: int, **config: Any) -> None:
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            settings = {name: str(value) for name, value in config.items()}
            await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
        finally:
            await admin.close()

    async def send(
        self, topic: str, partition: int, *values: bytes | None, key: bytes | None = None
    ) -> None:
        from aiokafka import AIOKafkaProducer

        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for value in values:
                await producer.send(topic, value, key=key, partition=partition)
        finally:
            await producer.stop()

    async def committed(self, group: str) -> Mapping[tuple[str, int], int]:
        from aiokafka.admin import AIOKafkaAdminClient

        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return {(tp.topic, tp.partition): meta.offset for tp, meta in found.items()}


class RawSchema(faust.Schema):
    """Hands keys and values on as they are: bytes, None, or the list of a packed topic."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


def make_app(backend: Backend, group: str, **options: Any) -> StreamApp:
    """An app with the settings that the contract is about."""
    return StreamApp(
        group,
        **{
            "broker": backend.url,
            "store": "memory://",
            "web_enabled": False,
            "broker_commit_interval": 0.1,
            "broker_session_timeout": 10.0,
            "broker_heartbeat_interval": 1.0,
            "broker_request_timeout": 40.0,
            "producer_request_timeout": 30.0,
            "table_standby_replicas": 0,
            "topic_partitions": 2,
            "key_serializer": "json",
            **options,
        },
    )


@asynccontextmanager
async def running(app: StreamApp) -> AsyncIterator[StreamApp]:
    """Run `app`; its start waits until partitions are assigned and flow."""
    app.loop = asyncio.get_running_loop()
    app.finalize()
    await app.start()
    try:
        await until(lambda: not app.rebalancing and app.consumer.flow_active)
        yield app
    finally:
        await asyncio.wait_for(app.stop(), PATIENCE_SECONDS)


async def until(
    condition: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds: float = PATIENCE_SECONDS
) -> Any:
    """Wait until `condition()` is true, and return what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


def values_of(chunks: list[list[RawRecord]]) -> list[bytes | None]:
    return [record.value for chunk in chunks for record in chunk]


#: The partition of `fill`.
TP = ("t", 0)


async def fill(storage: Storage, count: int, *, key: bytes | None = None, age: float = 0) -> None:
    """Append `count` records with the values 0, 1, ...; `age` in seconds."""
    stamp = time.time() - age
    await asyncio.gather(
        *[storage.append(NewRecord(*TP, key, b"%d" % n, stamp)) for n in range(count)]
    )

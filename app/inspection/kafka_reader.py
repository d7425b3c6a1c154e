"""Inspection of Kafka, by a consumer without a group and an admin client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from app.broker.reasons import unavailable
from app.broker.topic_admin import KafkaTopicAdmin, TopicState
from app.errors import BrokerUnavailable
from app.inspection.kafka_groups import KafkaGroups
from app.inspection.reader import (
    GroupState,
    PartitionState,
    Span,
    TopicMissing,
    TopicReader,
    read_through,
)
from app.settings import PREFIX
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey

_UNKNOWN_TOPIC = 3
_FETCH_BYTES = 4 * 1024 * 1024
_REQUEST_MS = 20_000
#: Short: another reading has to wait for the poll of the one before.
_LONG_POLL_MS = 100


class KafkaReader(TopicReader):
    """Constructing connects nothing. A fetch takes `fetch_bytes` of a partition, or one record."""

    def __init__(
        self,
        bootstrap: Sequence[str],
        security: Mapping[str, Any] | None = None,
        *,
        fetch_bytes: int = _FETCH_BYTES,
    ) -> None:
        self._fetch_bytes = fetch_bytes
        self.where = f"Kafka at {','.join(bootstrap)}"
        self._hosts, self._security = list(bootstrap), dict(security or {})
        self._consumer: Any = None
        self._admin: Any = None

    async def topics(self) -> list[str]:
        with self._told():
            return sorted(await (await self._started_admin()).list_topics())

    async def partitions(self, topics: Sequence[str]) -> list[PartitionKey]:
        with self._told():
            found = await (await self._started_admin()).describe_topics(list(topics))
        missing = [t["topic"] for t in found if t["error_code"] == _UNKNOWN_TOPIC]
        missing += sorted(set(topics) - {t["topic"] for t in found})
        if missing:
            raise TopicMissing(f"there is no topic {', '.join(missing)} in {self.where}")
        counts = {each["topic"]: len(each["partitions"]) for each in found}
        return [(name, n) for name in topics for n in range(counts[name])]

    async def spans(self, partitions: Collection[PartitionKey]) -> dict[PartitionKey, Span]:
        if not partitions:
            return {}
        consumer = await self._started()
        wanted = _topic_partitions(partitions)
        with self._told():
            starts = await consumer.beginning_offsets(wanted)
            ends = await consumer.end_offsets(wanted)
        return {_plain(tp): Span(starts[tp], ends[tp]) for tp in wanted}

    async def offsets_at(
        self, partitions: Collection[PartitionKey], when: float
    ) -> dict[PartitionKey, int]:
        if not partitions:
            return {}
        consumer = await self._started()
        wanted = _topic_partitions(partitions)
        with self._told():
            found = await consumer.offsets_for_times(dict.fromkeys(wanted, int(when * 1000)))
            ends = await consumer.end_offsets(wanted)
        return {
            _plain(tp): ends[tp] if found.get(tp) is None else found[tp].offset for tp in wanted
        }

    async def read(self, positions: Mapping[PartitionKey, int]) -> KafkaReading:
        consumer = await self._started()
        with self._told():
            consumer.assign(_topic_partitions(positions))
            for tp, offset in zip(_topic_partitions(positions), positions.values(), strict=True):
                consumer.seek(tp, offset)
        return KafkaReading(self, consumer, dict(positions))

    async def find(
        self, key: bytes, spans: Mapping[PartitionKey, Span]
    ) -> AsyncIterator[tuple[int, list[RawRecord]]]:
        async for records in read_through(self, spans):
            yield len(records), [record for record in records if record.key == key]

    async def describe(self, topic: str) -> list[PartitionState]:
        spans = await self.spans(await self.partitions([topic]))
        with self._told():
            [found] = await self._admin.describe_topics([topic])
        return sorted(
            (
                PartitionState(
                    each["partition"],
                    spans[topic, each["partition"]],
                    each["leader"],
                    tuple(each["replicas"]),
                    tuple(each["isr"]),
                )
                for each in found["partitions"]
            ),
            key=lambda state: state.partition,
        )

    async def states(self, topics: Sequence[str]) -> dict[str, TopicState]:
        return await KafkaTopicAdmin(await self._started_admin()).describe(topics)

    async def sizes(self, topics: Collection[str]) -> dict[str, int]:
        from app.inspection.kafka_sizes import topic_sizes

        with self._told():
            return await topic_sizes(await self._started_admin(), topics)

    async def group_names(self) -> list[str]:
        with self._told():
            return await KafkaGroups(await self._started_admin()).names()

    async def groups(self) -> list[GroupState]:
        with self._told():
            return await KafkaGroups(await self._started_admin()).states()

    async def group(self, name: str) -> GroupState:
        with self._told():
            return await KafkaGroups(await self._started_admin()).state(name)

    async def committed(self, group: str) -> dict[PartitionKey, int]:
        with self._told():
            return await KafkaGroups(await self._started_admin()).committed(group)

    async def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        with self._told():
            await KafkaGroups(await self._started_admin()).commit(group, offsets)

    def rest(self) -> None:
        """Read nothing any more: what was assigned would be fetched ahead. It may go on later."""
        if self._consumer is not None:
            self._consumer.unsubscribe()

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    async def _started_admin(self) -> Any:
        if self._admin is None:
            from aiokafka.admin import AIOKafkaAdminClient
            from aiokafka.errors import KafkaError

            admin = AIOKafkaAdminClient(
                bootstrap_servers=self._hosts, **self._security, request_timeout_ms=_REQUEST_MS
            )
            try:
                await admin.start()
            except (KafkaError, OSError) as error:
                await admin.close()
                raise await unavailable(self._hosts, self._security) from error
            self._admin = admin
        return self._admin

    async def _started(self) -> Any:
        if self._consumer is None:
            from aiokafka import AIOKafkaConsumer

            with self._told():
                await self._started_admin()
                consumer = AIOKafkaConsumer(
                    bootstrap_servers=self._hosts,
                    **self._security,
                    max_partition_fetch_bytes=self._fetch_bytes,
                    fetch_max_wait_ms=_LONG_POLL_MS,
                    request_timeout_ms=_REQUEST_MS,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                )
                try:
                    await consumer.start()
                except BaseException:
                    await consumer.stop()
                    raise
            self._consumer = consumer
        return self._consumer

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise BrokerUnavailable for what the Kafka library raises."""
        from aiokafka.errors import KafkaError

        try:
            yield
        except (KafkaError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise BrokerUnavailable(f"{PREFIX}BROKER: {self.where}: {reason}") from error


class KafkaReading:
    """Partitions of Kafka being read by the reader's one consumer."""

    def __init__(
        self, reader: KafkaReader, consumer: Any, positions: dict[PartitionKey, int]
    ) -> None:
        self._reader, self._consumer = reader, consumer
        self.positions = positions

    async def fetch(
        self, partitions: Collection[PartitionKey], limit: int, seconds: float
    ) -> dict[PartitionKey, list[RawRecord]]:
        wanted = _topic_partitions(partitions)
        until = asyncio.get_running_loop().time() + seconds
        with self._reader._told():
            found = await self._there(wanted, limit)
            while not found:
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                # Short, to see a partition move on without a record: what it had was compacted.
                wait_ms = max(1, int(min(left, 0.5) * 1000))
                found = await self._consumer.getmany(*wanted, timeout_ms=wait_ms, max_records=limit)
                if await self._moved(wanted):
                    break
        return {_plain(tp): [_raw(record) for record in records] for tp, records in found.items()}

    async def _there(self, wanted: list[Any], limit: int) -> dict[Any, list[Any]]:
        """Return what was fetched already, of each partition its share."""
        found: dict[Any, list[Any]] = {}
        for tp in wanted:
            found |= await self._consumer.getmany(tp, timeout_ms=0, max_records=limit)
        await self._moved(wanted)
        return {tp: records for tp, records in found.items() if records}

    async def _moved(self, wanted: list[Any]) -> bool:
        moved = False
        for tp in wanted:
            position = await self._consumer.position(tp)
            moved = moved or position > self.positions[_plain(tp)]
            self.positions[_plain(tp)] = position
        return moved


def _topic_partitions(partitions: Collection[PartitionKey]) -> list[Any]:
    from aiokafka import TopicPartition

    return [TopicPartition(tp[0], tp[1]) for tp in partitions]


def _plain(tp: Any) -> PartitionKey:
    return (tp.topic, tp.partition)


def _raw(record: Any) -> RawRecord:
    return RawRecord(
        record.topic,
        record.partition,
        record.offset,
        (record.timestamp or 0) / 1000.0,
        record.headers,
        record.key,
        record.value,
    )

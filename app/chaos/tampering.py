"""What an outsider can do to the topics and the group of a run on Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

Send = Callable[[str, bytes | None, bytes | None], Awaitable[None]]


@asynccontextmanager
async def sender(bootstrap: str) -> AsyncIterator[Send]:
    """Give a function that puts any bytes onto a topic: topic, key, value."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=4_000_000)
    await producer.start()

    async def send(topic: str, key: bytes | None, value: bytes | None) -> None:
        await producer.send_and_wait(topic, value, key=key)

    try:
        yield send
    finally:
        await producer.stop()


async def rewind(bootstrap: str, group: str, topics: Sequence[str]) -> int:
    """Set a group without members to the beginning of topics; return how many messages follow."""
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        starts = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.commit(dict(starts))
    finally:
        await consumer.stop()
    return sum(ends[tp] - starts[tp] for tp in partitions)


async def members(bootstrap: str, group: str) -> frozenset[str]:
    """Return the ids of a group's members: a rebalance leaves them, a new start does not."""
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        [response] = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    [found] = response.groups
    return frozenset(member[0] for member in found[5])

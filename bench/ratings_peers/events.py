"""Synthetic ratings on a topic: few popular movies, many seldom rated."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2

from app.core.ratings.events import RatingLimits
from app.ratings.faulty import SyntheticEvents

PARTITIONS = 6
USERS, MOVIES = 138_493, 26_744


def messages(count: int, seed: int) -> SyntheticEvents:
    """Return valid ratings; one in 250 is the latest again, or an older one."""
    start_ms = int(time.time() * 1000) - count * 10
    return SyntheticEvents(
        count,
        limits=RatingLimits(),
        seed=seed,
        users=USERS,
        movies=MOVIES,
        start_ms=start_ms,
        repeats=0.004,
    )


async def fill(bootstrap: str, topic: str, count: int, seed: int) -> float:
    """Make the topic and write `count` ratings, keyed by user; return the mean bytes of one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4")
    await producer.start()
    await producer.partitions_for(topic)
    size = 0
    batches = {n: producer.create_batch() for n in range(PARTITIONS)}
    sent: list[asyncio.Future[object]] = []

    async def send(partition: int) -> None:
        batch, batches[partition] = batches[partition], producer.create_batch()
        sent.append(await producer.send_batch(batch, topic, partition=partition))

    for key, value, _ in messages(count, seed):
        size += len(value)
        partition = (murmur2(key) & 0x7FFFFFFF) % PARTITIONS
        if batches[partition].append(key=key, value=value, timestamp=None) is None:
            await send(partition)
            batches[partition].append(key=key, value=value, timestamp=None)
    for partition, batch in list(batches.items()):
        if batch.record_count():
            await send(partition)
    await asyncio.gather(*sent)
    await producer.stop()
    return size / count

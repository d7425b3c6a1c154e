"""Ratings as a catalogue of films sees them, on a topic: few popular movies, many seldom rated."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2

PARTITIONS = 6
USERS, MOVIES, MAX_MOVIE_ID = 138_493, 26_744, 131_262

#: Shares of the marks 0.5, 1.0, ... 5.0 in percent.
_MARKS = (1.2, 3.4, 1.4, 7.1, 4.4, 21.5, 11.0, 27.8, 7.7, 14.5)


def ratings(count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield user ids and events; one in fifty rates a movie anew, one in five hundred is a twin."""
    draw = random.Random(seed)
    marks = draw.choices([h / 2 for h in range(1, 11)], _MARKS, k=count)
    movie_ids = draw.sample(range(1, MAX_MOVIE_ID + 1), MOVIES)
    start = int(time.time() * 1000) - count * 10
    past: list[tuple[int, int]] = [(1, movie_ids[0])]
    last = (1, b"")
    for n in range(count):
        chance = draw.random()
        if chance < 0.002 and last[1]:
            yield last
            continue
        if chance < 0.022:
            user_id, movie_id = past[int(draw.random() * len(past))]
        else:
            user_id = 1 + int(USERS * draw.random() ** 2)
            movie_id = movie_ids[int(MOVIES ** draw.random()) - 1]
        if n % 10 == 0:
            past.append((user_id, movie_id))
        event = {
            "userId": user_id,
            "movieId": movie_id,
            "rating": marks[n],
            "timestamp": start + n * 10,
        }
        last = (user_id, json.dumps(event).encode())
        yield last


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

    for user_id, value in ratings(count, seed):
        size += len(value)
        key = b"%d" % user_id
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


def partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, n) for n in range(PARTITIONS)]

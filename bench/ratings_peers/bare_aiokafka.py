"""The loop that someone who wants speed would write: aiokafka, msgspec, one transaction a second.

The same aggregation as the product's and the same transactions on the same store: each partition's
changes with its offset, then the offsets are committed to the group.
"""

from __future__ import annotations

import os
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.loop import run as run_loop
from bench.ratings_peers.aggregate import Aggregate, Rating, facts
from bench.ratings_peers.stopwatch import Stopwatch, arguments

SAVE_SECONDS = 1.0


async def save(
    store: PostgresRatingStore,
    consumer: AIOKafkaConsumer,
    aggregates: dict[TopicPartition, Aggregate],
    offsets: dict[TopicPartition, int],
) -> None:
    """Store what changed, then commit."""
    for partition, offset in offsets.items():
        assert await store.save(aggregates[partition].take_changes(offset))
    if offsets:
        await consumer.commit(offsets)
        offsets.clear()


async def run() -> None:
    options = arguments()
    watch = Stopwatch(options.events)
    decode = msgspec.json.Decoder(Rating).decode
    aggregates: dict[TopicPartition, Aggregate] = {}
    offsets: dict[TopicPartition, int] = {}
    store = PostgresRatingStore(options.dsn)
    consumer = AIOKafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    saved_at = time.monotonic()
    while not watch.done:
        for partition, records in (await consumer.getmany(timeout_ms=200)).items():
            watch.begin()
            if partition not in aggregates:
                aggregates[partition] = Aggregate(partition.partition)
            aggregates[partition].apply([decode(record.value) for record in records])
            offsets[partition] = records[-1].offset + 1
            watch.add(len(records))
        if time.monotonic() - saved_at >= SAVE_SECONDS:
            await save(store, consumer, aggregates, offsets)
            saved_at = time.monotonic()
    await save(store, consumer, aggregates, offsets)
    watch.report(agree=facts(aggregates.values()))
    os._exit(0)


if __name__ == "__main__":
    run_loop(run())

"""FastStream: a batch subscriber that aggregates in memory; offsets are committed by its client.

Its own decoding (JSON, then a model for each message) is replaced by msgspec, its dependency
injection is off: the fastest form that its documentation allows.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from typing import Any

import msgspec
from faststream import FastStream
from faststream.confluent import KafkaBroker

from bench.ratings_peers.aggregate import Aggregate, Rating, facts
from bench.ratings_peers.stopwatch import Stopwatch, arguments


class Aggregates(dict[int, Aggregate]):
    """Aggregates by partition, made when they are first asked for."""

    def __missing__(self, partition: int) -> Aggregate:
        self[partition] = Aggregate(partition)
        return self[partition]


def main() -> None:
    options = arguments()
    watch = Stopwatch(options.events)
    broker = KafkaBroker(options.bootstrap, logger=None, apply_types=False)
    decode = msgspec.json.Decoder(Rating).decode
    aggregates = Aggregates()

    async def decoded(message: Any) -> dict[int, list[Rating]]:
        watch.begin()
        chunks: dict[int, list[Rating]] = defaultdict(list)
        for raw in message.raw_message:
            chunks[raw.partition()].append(decode(raw.value()))
        return chunks

    @broker.subscriber(
        options.topic,
        group_id=options.group,
        auto_offset_reset="earliest",
        batch=True,
        max_records=2000,
        decoder=decoded,
    )
    async def rate(chunks: dict[int, list[Rating]]) -> None:
        for partition, ratings in chunks.items():
            aggregates[partition].apply(ratings)
            watch.add(len(ratings))
        if watch.done:
            watch.report(agree=facts(aggregates.values()))
            os._exit(0)

    asyncio.run(FastStream(broker, logger=None).run(log_level=logging.CRITICAL))


if __name__ == "__main__":
    main()

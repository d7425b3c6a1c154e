"""Ratings onto a real Kafka while workers read them, and an offline recount of what lies there."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.chaos.cluster import Cluster
from app.core.ratings.events import RatingLimits
from app.ratings.faulty import SyntheticEvents
from app.transports import RawRecord
from app.wire import WireGate
from models.questions import DeadLetter
from tests.core.ratings.recount import Event, recount
from tests.flow.rating_engine import event_of

FIGURES = ("valid", "duplicate", "stale", "late", "future", "out_of_order")
_IN_FLIGHT = 2000


class Place(NamedTuple):
    """Where an event lies."""

    partition: int
    offset: int


class RatingStream:
    """A topic prefix, a group and a database of their own, and what was sent there."""

    def __init__(self, folder: Path, bootstrap: str, dsn: str, count: int, seed: int = 1) -> None:
        self.bootstrap, self.count = bootstrap, count
        name = f"r{uuid4().hex[:8]}"
        self.prefix = f"{name}."
        self.cluster = Cluster(
            folder,
            {
                "PIPELINES": "ratings",
                "BROKER": f"kafka://{bootstrap}",
                "DATABASE": dsn,
                "CACHE": "memory:",
                "APP_ID": name,
                "TOPIC_PREFIX": self.prefix,
                "COMMIT_INTERVAL_SECONDS": "0.5",
            },
        )
        self.store = PostgresRatingStore(dsn)
        self.events = SyntheticEvents(
            count,
            limits=RatingLimits(),
            seed=seed,
            users=5000,
            movies=4000,
            start_ms=int(time.time() * 1000) - count * 10,
            bad=0.03,
            repeats=0.05,
        )

    async def send(self) -> None:
        """Put every event on the topic, keyed by user."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, compression_type="lz4", linger_ms=20
        )
        await producer.start()
        try:
            waiting: list[Any] = []
            for message in self.events:
                waiting.append(
                    await producer.send(self.prefix + "ratings", message.value, message.key)
                )
                if len(waiting) >= _IN_FLIGHT:
                    await asyncio.gather(*waiting)
                    waiting.clear()
            await asyncio.gather(*waiting)
        finally:
            await producer.stop()

    async def counted(self) -> int:
        """How many events the stored figures account for."""
        totals = (await self.store.stats()).totals
        return totals.valid + totals.duplicate + totals.stale + sum(totals.rejected.values())

    async def has_counted(self, share: float, seconds: float) -> None:
        """Return once that share of all events is in the stored figures."""

        async def enough() -> bool:
            return await self.counted() >= share * self.count

        await until(enough, seconds)

    async def read(self, topic: str) -> list[RawRecord]:
        """Return everything that lies in a topic, in no group."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, max_partition_fetch_bytes=8_000_000
        )
        await consumer.start()
        found: list[RawRecord] = []
        try:
            tps = await _partitions(consumer, self.prefix + topic)
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            left = dict(await consumer.end_offsets(tps))
            while any([await consumer.position(tp) < end for tp, end in left.items()]):
                for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                    found += [
                        RawRecord(
                            tp.topic,
                            tp.partition,
                            r.offset,
                            r.timestamp / 1000,
                            None,
                            r.key,
                            r.value,
                        )
                        for r in records
                    ]
        finally:
            await consumer.stop()
        return found

    async def assert_exact(self) -> dict[str, int]:
        """Every stored figure equals an offline recount: the difference is 0. Return some."""
        expected, totals = self.events.expected, (await self.store.stats()).totals
        assert (totals.valid, totals.duplicate, totals.stale) == (
            expected.valid,
            expected.duplicate,
            expected.stale,
        )
        assert totals.rejected == {str(rule): n for rule, n in expected.rejected.items()}
        logs: defaultdict[int, list[Event]] = defaultdict(list)
        refused: set[Place] = set()
        for raw in await self.read("ratings"):
            event = event_of(raw)
            logs[raw.partition].append(event)
            if event.rule:
                refused.add(Place(raw.partition, raw.offset))
        assert sum(map(len, logs.values())) == self.count
        for partition, log in logs.items():
            await self._partition_is_exact(partition, log)
        buried = await self._buried()
        assert set(buried) == refused, "dead letters of the refused events, and of no others"
        return {
            "events": self.count,
            "refused": len(refused),
            "letters_again": len(buried) - len(refused),
        }

    async def _partition_is_exact(self, partition: int, log: list[Event]) -> None:
        stored, plain = await self.store.load(partition), recount(log)
        found = {name: getattr(stored.totals, name) for name in FIGURES}
        assert found == {name: getattr(plain, name) for name in FIGURES}
        assert stored.totals.rejected == plain.rejected
        assert stored.totals.by_halves == plain.by_halves
        assert stored.totals.users == len(plain.users)
        assert {movie: tuple(rest) for movie, *rest in stored.movies} == plain.movies
        assert stored.next_offset == len(log)

    async def _buried(self) -> list[Place]:
        gate = WireGate(DeadLetter)
        letters: list[Any] = [
            gate.decode(raw.value or b"") for raw in await self.read("dead-letters")
        ]
        assert {letter.origin_topic for letter in letters} <= {self.prefix + "ratings"}
        return [Place(letter.origin_partition, letter.origin_offset) for letter in letters]

    async def close(self) -> None:
        self.cluster.close()
        await self.store.close()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic; its metadata come only once somebody asks for it."""
    await consumer._client.add_topic(topic)
    return [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]


async def until(check: Callable[[], Awaitable[bool]], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.2)

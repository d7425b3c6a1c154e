"""A whole pipeline in the test's own loop, on any broker, with the parts that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.context import Limits
from app.factory import create_app
from app.ports import Ports
from app.service.outside import prepare_topics
from app.settings import Settings, load_settings
from app.transports import close_storage
from tests.flow.engine import LIMITS, Engine, poll

PARTITIONS = 4
TABLES = ("questions", "attempts", "dead_letters")


@asynccontextmanager
async def pipeline(
    broker: str, ports: Ports, *, limits: Limits = LIMITS, keep: bool = False, **settings: Any
) -> AsyncIterator[Engine]:
    """Start the stages on `broker`, its partitions assigned and tables recovered; stop them.

    With `keep` a memory log outlives them.
    """
    chosen = load_settings(
        broker=broker,
        database="memory:",
        scorer="memory:",
        **{"partitions": PARTITIONS, "commit_interval_seconds": 0.05, **settings},
    )
    await prepare_topics(chosen)
    app = create_app(chosen, ports, limits)
    await app.start()

    async def ready() -> bool:
        return not app.rebalancing and bool(app.tables.actives_ready)

    try:
        await poll(ready, 60)
        yield Engine(app) if chosen.embedded else KafkaEngine(app, chosen)
    finally:
        await app.stop()
        if chosen.embedded and not keep:
            close_storage(str(app.conf.broker[0]))


class KafkaEngine(Engine):
    """The same on a real broker: what the group has not committed is asked of the broker."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.context = app.context
        self.ports = app.context.ports
        self.names = app.context.names
        self.bootstrap = settings.broker.removeprefix("kafka://")

    async def idle(self, seconds: float = 60.0) -> None:
        """Return once every message of every topic is acknowledged and committed."""

        async def done() -> bool:
            return not await lag(self.bootstrap, self.app.conf.id, list(self.names))

        await poll(done, seconds, pause=0.2)


async def lag(bootstrap: str, group: str, topics: list[str]) -> dict[str, int]:
    """Return how many messages of each topic a group has not committed; nothing when none."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await asyncio.gather(admin.start(), consumer.start())
    try:
        committed = await admin.list_consumer_group_offsets(group)
        tps = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
        ends = await consumer.end_offsets(tps)
    finally:
        await asyncio.gather(admin.close(), consumer.stop())
    found: dict[str, int] = {}
    for tp, end in ends.items():
        behind = end - (committed[tp].offset if tp in committed else 0)
        if behind > 0:
            found[tp.topic] = found.get(tp.topic, 0) + behind
    return found


async def back_to_zero(bootstrap: str, group: str, topics: list[str]) -> None:
    """Reset a group that has no members to offset 0 of every partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
        consumer.assign(tps)
        await consumer.commit(dict.fromkeys(tps, 0))
    finally:
        await consumer.stop()


async def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of questions, in order."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table: [
                tuple(row)
                for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")
            ]
            for table in TABLES
        }
    finally:
        await connection.close()

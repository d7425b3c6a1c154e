"""Beside Kafka's own tools: the same figures of a group that somebody is in, and no reset of it."""

from __future__ import annotations

import asyncio
import shutil
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from app.inspection.groups import GroupRow, group_rows, plan_reset
from app.inspection.kafka_reader import KafkaReader
from app.inspection.reader import GroupActive
from app.transports import NewRecord
from tests.inspection.conftest import KafkaBroker
from tests.servers.kafka import KafkaServer, libraries

pytestmark = pytest.mark.kafka
TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


async def kafka_says(kafka: KafkaServer, group: str) -> list[list[str]]:
    """Return the rows of `kafka-consumer-groups --describe`, in order."""
    java = shutil.which("java") or ""
    process = await asyncio.create_subprocess_exec(
        *(java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        *("-cp", f"{libraries()}/*", TOOL, "--bootstrap-server", kafka.bootstrap),
        *("--describe", "--group", group),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    return sorted(line.split() for line in out.decode().splitlines() if line.startswith(group))


def as_kafka(row: GroupRow) -> list[str]:
    member = row.member
    cells = [row.group, row.topic, row.partition, row.current, row.end, row.lag]
    cells += [member.member_id, member.host, member.client_id] if member else [None] * 3
    return ["-" if cell is None else str(cell) for cell in cells]


async def test_a_group_in_use_reads_as_in_kafkas_tool_and_is_not_reset(
    kafka: KafkaServer, topic: str
) -> None:
    from aiokafka import AIOKafkaProducer

    group = f"g{uuid4().hex[:8]}"
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    broker = KafkaBroker(kafka.bootstrap, producer)
    reader: KafkaReader = broker.reader
    await broker.create(topic, 3)
    for n in range(7):
        await broker.send(NewRecord(topic, n % 2, None, b"x"))
    await broker.commit(group, {(topic, 0): 1, (topic, 1): 3})

    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            while len(consumer.assignment()) < 3:
                await asyncio.sleep(0.05)
        state = await reader.group(group)
        ours = sorted(as_kafka(row) for row in await group_rows(reader, state))
        assert ours == await kafka_says(kafka, group)
        assert [row[2:6] for row in ours] == [
            ["0", "1", "4", "3"],
            ["1", "3", "3", "0"],
            ["2", "-", "0", "-"],
        ]
        with pytest.raises(GroupActive, match="1 members: aiokafka"):
            await plan_reset(reader, state, "earliest", [], [])
        with pytest.raises(GroupActive, match="has members"):  # the broker's own word
            await reader.commit(group, {(topic, 0): 0})
        assert (await reader.committed(group))[topic, 0] == 1
    finally:
        await consumer.stop()
        await reader.close()
        await producer.stop()

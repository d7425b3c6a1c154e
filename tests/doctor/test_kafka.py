"""Real Kafka whose topics are wrong: found, and mended by Kafka's own tools as they are typed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.broker.topic_admin import ensure_topics, open_topic_admin
from app.doctor.check import Site
from app.doctor.kafka import Broker, kafka_client, unreachable
from app.doctor.outcome import Outcome, Status
from app.topics import MAX_MESSAGE_BYTES, TopicSpec, all_topics
from tests.doctor.looking import look, mends, site, type_in
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka
PARTITIONS = 2


@pytest.fixture
def kafka_site(tmp_path: Path, kafka: KafkaServer) -> Site:
    """An installation of its own on the broker of the run, the questions alone, no topics yet."""
    name = f"d{uuid4().hex[:8]}"
    return site(
        tmp_path,
        broker=f"kafka://{kafka.bootstrap}",
        app_id=name,
        topic_prefix=f"{name}-",
        partitions=PARTITIONS,
        pipelines="questions",
    )


async def make(at: Site, **changes: dict[str, Any]) -> None:
    """Make the topics, those named (without prefix, _ for -) with something changed."""

    def changed(spec: TopicSpec) -> TopicSpec:
        bare = spec.name.removeprefix(at.settings.topic_prefix)
        bare = bare.removeprefix(f"{at.settings.app_id}-").replace("-", "_")
        return replace(spec, **changes.get(bare, {}))

    admin = await open_topic_admin(at.settings)
    await ensure_topics(admin, [changed(spec) for spec in all_topics(at.settings)])
    await admin.close()


async def apply(at: Site, command: str, *, like: str) -> None:
    """Do what a command of `kafka-configs.sh` says that has the form of one that was typed in."""
    form = (
        r"(kafka-configs.sh \S+ \S+ --alter --entity-type topics)"
        r" --entity-name (\S+) --add-config (\S+)"
    )
    found, typed = re.fullmatch(form, command), re.fullmatch(form, like)
    assert found is not None
    assert typed is not None
    assert found[1] == typed[1]
    # Unlike the command, this request resets what it does not name.
    entries = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    entries |= dict(each.split("=") for each in found[3].split(","))
    async with kafka_client(at.settings) as client:
        [answer] = await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, found[2], entries)]
        )
    assert answer.resources[0][0] == 0


async def seen(at: Site, name: str) -> Outcome:
    return await asyncio.to_thread(look, at, name)


async def test_good_topics_are_found_good(kafka_site: Site, kafka: KafkaServer) -> None:
    assert (await seen(kafka_site, "topics")).status is Status.WARNING
    await make(kafka_site)
    broker = await seen(kafka_site, "broker")
    assert broker.status is Status.OK
    assert "cluster " in broker.seen
    told = tuple(map(int, broker.seen.split()[1].split(".")))
    assert (3, 9) <= told <= tuple(map(int, kafka.version.split(".")))
    for name in (
        *("broker-addresses", "topics", "topic-partitions", "topic-retention", "topic-changelogs"),
        *("topic-message-bytes", "topic-replication", "consumer-groups"),
    ):
        assert (await seen(kafka_site, name)).status is Status.OK, name


async def test_unequal_partitions_are_found_and_mended(kafka_site: Site, tmp_path: Path) -> None:
    await make(kafka_site, llm_requests={"partitions": 1})
    found = await seen(kafka_site, "topic-partitions")
    assert found.status is Status.PROBLEM
    assert "llm-requests has 1" in found.seen
    assert "stop the intake" in found.mends[0].text
    [mend] = mends(found, "command")
    await asyncio.to_thread(type_in, mend, tmp_path)
    assert (await seen(kafka_site, "topic-partitions")).status is Status.OK


async def test_wrong_configurations_are_found_and_mended(kafka_site: Site, tmp_path: Path) -> None:
    await make(
        kafka_site,
        retries_due={"retention_ms": 3_600_000},
        llm_requests={"extra": {"max.message.bytes": "1000"}},
        questions_retries_changelog={"retention_ms": 604_800_000},
        questions_pending={
            "extra": {"min.insync.replicas": "2", "max.message.bytes": "2097152"},
        },
    )
    wrong = {
        "topic-retention": "retries-due keeps records for 3,600 s",
        "topic-message-bytes": "llm-requests takes messages up to 1000 bytes",
        "topic-changelogs": "cleanup.policy=delete",
        "topic-replication": "demands 2 copies in sync",
    }
    commands = []
    for name, words in wrong.items():
        found = await seen(kafka_site, name)
        assert found.status is Status.PROBLEM, name
        assert words in found.seen
        [mend] = mends(found, "command")
        commands.append(mend)
    await asyncio.to_thread(type_in, commands[0], tmp_path)
    for command in commands[1:]:  # of the same form: a JVM for each would take long
        await apply(kafka_site, command, like=commands[0])
    for name in wrong:
        assert (await seen(kafka_site, name)).status is Status.OK, name


async def test_fewer_copies_than_set_and_fewer_days_than_meant_are_found(kafka_site: Site) -> None:
    await make(kafka_site, llm_requests={"retention_ms": 2 * 86_400_000})
    kept = await seen(kafka_site, "topic-retention")
    assert (kept.status, "172,800 s, not 604,800 s" in kept.seen) == (Status.WARNING, True)
    more = Site(kafka_site.settings.model_copy(update={"replication_factor": 3}))
    found = await seen(more, "topic-replication")
    assert found.status is Status.PROBLEM
    assert mends(found, "setting") == ["ANSWERLOOP_REPLICATION_FACTOR=1"]


async def test_another_app_in_our_group_is_found(kafka_site: Site, kafka: KafkaServer) -> None:
    from aiokafka import AIOKafkaConsumer

    await make(kafka_site)
    foreign = f"{kafka_site.settings.app_id}.orders"
    admin = await open_topic_admin(kafka_site.settings)
    await admin.create([TopicSpec(foreign, None, 1, None)])
    await admin.close()
    consumer = AIOKafkaConsumer(
        foreign,
        bootstrap_servers=kafka.bootstrap,
        group_id=f"{kafka_site.settings.app_id}-questions",
        client_id="shop",
    )
    await consumer.start()
    try:
        while not consumer.assignment():
            await asyncio.sleep(0.02)
        found = await seen(kafka_site, "consumer-groups")
    finally:
        await consumer.stop()
    assert found.status is Status.PROBLEM
    assert "shop at" in found.seen
    assert foreign in found.seen
    assert mends(found, "setting") == [f"ANSWERLOOP_APP_ID={kafka_site.settings.app_id}-2"]
    left = await seen(kafka_site, "consumer-groups")
    assert (left.status, f"has offsets of {foreign}" in left.seen) == (Status.WARNING, True)
    other = {"app_id": f"{kafka_site.settings.app_id}-2"}
    renamed = Site(kafka_site.settings.model_copy(update=other))
    assert (await seen(renamed, "consumer-groups")).status is Status.OK


async def test_a_record_that_nothing_moves_past_is_found(
    kafka_site: Site, kafka: KafkaServer
) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    await make(kafka_site)
    topic = f"{kafka_site.settings.topic_prefix}llm-requests"
    hour_ago = 1000 * int(kafka_site.machine.now() - 3600)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, b"x", partition=0, timestamp_ms=hour_ago)
    group = f"{kafka_site.settings.app_id}-questions"
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        while not consumer.assignment():
            await asyncio.sleep(0.02)
        first = TopicPartition(topic, 0)
        await consumer.commit({first: 0})
        still = await seen(kafka_site, "consumer-groups")
        await consumer.commit({first: 1})
        moved = await seen(kafka_site, "consumer-groups")
    finally:
        await consumer.stop()
    assert still.status is Status.WARNING
    assert f"nothing moves on {topic}/0 (1 late)" in still.seen
    assert mends(still, "command") == [f"answerloop groups describe {group}"]
    assert moved.status is Status.OK


async def test_a_broker_that_is_away_is_found_and_nothing_more_is_asked(tmp_path: Path) -> None:
    at = site(tmp_path, broker="kafka://127.0.0.1:1")
    found = await seen(at, "broker")
    assert found.status is Status.PROBLEM
    assert "no Kafka answers at 127.0.0.1:1" in found.seen
    assert "ANSWERLOOP_BROKER=kafka://HOST:9092" in mends(found, "setting")
    assert (await seen(at, "topics")).status is Status.SKIPPED


async def test_an_advertised_address_that_nobody_reaches_is_told(kafka: KafkaServer) -> None:
    host, _, port = kafka.bootstrap.partition(":")
    there, gone = Broker(1, host, int(port)), Broker(2, "127.0.0.1", 1)
    assert await unreachable([there, gone]) == [gone]

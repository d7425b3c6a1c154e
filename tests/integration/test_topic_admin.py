"""Topics on real Kafka: created with their settings, created once, differences told and left."""

from __future__ import annotations

from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.broker.topic_admin import ensure_topics, open_topic_admin, refuse_other_partitions
from app.errors import BrokerUnavailable, SettingsError
from app.settings import Settings, load_settings
from app.topics import all_topics
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka: KafkaServer) -> Settings:
    name = f"t{uuid4().hex[:8]}"
    return load_settings(
        broker=f"kafka://{kafka.bootstrap}", app_id=name, topic_prefix=f"{name}.", partitions=3
    )


async def test_topics_are_created_with_their_settings_and_only_once(settings: Settings) -> None:
    admin = await open_topic_admin(settings)
    specs = all_topics(settings)
    try:
        assert {r.state for r in await ensure_topics(admin, specs)} == {"created"}
        again = await ensure_topics(admin, specs)
        found = await admin.describe([spec.name for spec in specs])
    finally:
        await admin.close()
    assert [(r.name, r.state, r.differences) for r in again] == [(s.name, "ok", ()) for s in specs]
    letters = found[f"{settings.topic_prefix}dead-letters"]
    assert letters.partitions == 3
    assert letters.config["retention.ms"] == "2592000000"
    ratings = found[f"{settings.topic_prefix}ratings"]
    assert (ratings.partitions, ratings.config["compression.type"]) == (6, "lz4")
    metrics = found[f"{settings.topic_prefix}metrics"]
    assert (metrics.partitions, metrics.config["compression.type"]) == (3, "gzip")
    changelog = found[f"{settings.app_id}-questions-retries-changelog"]
    assert changelog.config["cleanup.policy"] == "compact"


async def test_a_topic_that_differs_is_told_and_left_as_it_is(
    settings: Settings, kafka: KafkaServer
) -> None:
    name = f"{settings.topic_prefix}llm-requests"
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    await client.create_topics([NewTopic(name, 5, 1, topic_configs={"retention.ms": "1000"})])
    await client.close()
    admin = await open_topic_admin(settings)
    try:
        reports = {r.name: r for r in await ensure_topics(admin, all_topics(settings))}
        found = await admin.describe([name])
    finally:
        await admin.close()
    assert reports[name].state == "differs"
    assert "partitions: 5, not 3" in reports[name].differences
    assert "retention.ms: 1000, not 604800000" in reports[name].differences
    assert found[name].partitions == 5
    with pytest.raises(SettingsError, match="ANSWERLOOP_PARTITIONS"):
        refuse_other_partitions(list(reports.values()))


async def test_nobody_at_the_address_is_said_with_the_setting() -> None:
    with pytest.raises(BrokerUnavailable, match=r"ANSWERLOOP_BROKER: no Kafka answers at 127.0.0"):
        await open_topic_admin(load_settings(broker="kafka://127.0.0.1:9"))

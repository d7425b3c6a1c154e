"""A Kafka cluster as its checks see it: brokers, topics, copies; and Kafka's own tools as mends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.broker import kafka_hosts
from app.broker.topic_admin import open_topic_admin
from app.doctor.outcome import Mend, command
from app.errors import BrokerUnavailable
from app.settings import Settings

_CONNECT_SECONDS = 2.0
_FETCH = 1
#: Newest version of the request Fetch -> the release that brought it.
_RELEASES = {
    10: "2.0", 11: "2.3", 12: "2.7", 13: "3.1", 14: "3.5", 16: "3.7", 17: "3.9", 18: "4.1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, by the address that it tells clients to come to."""

    node: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster says of itself. `release`: the Kafka that speaks so, or a later one."""

    cluster_id: str
    brokers: tuple[Broker, ...]
    release: str


@dataclass(frozen=True, slots=True)
class Copies:
    """Of the partitions of a topic: fewest copies, fewest in sync, and how many have no leader."""

    replicas: int
    in_sync: int
    without_leader: int


@asynccontextmanager
async def kafka_client(settings: Settings) -> AsyncIterator[Any]:
    """Give an admin client that has started. Raises BrokerUnavailable."""
    from aiokafka.errors import KafkaError

    admin: Any = await open_topic_admin(settings)
    try:
        yield admin._client
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(f"Kafka: {str(error) or type(error).__name__}") from error
    finally:
        await admin.close()


async def read_cluster(client: Any) -> Cluster:
    """Ask for the cluster's id, its brokers and its version."""
    found = await client.describe_cluster()
    brokers = tuple(
        Broker(each["node_id"], each["host"], each["port"]) for each in found["brokers"]
    )
    return Cluster(str(found.get("cluster_id") or "-"), brokers, await _release(client))


async def _release(client: Any) -> str:
    from aiokafka.protocol.admin import ApiVersionRequest

    response = await client._send_request(ApiVersionRequest())
    newest = {key: high for key, _, high in response.api_versions}
    known = [version for version in _RELEASES if version <= newest.get(_FETCH, 0)]
    return _RELEASES[max(known)] if known else "0.11"


async def unreachable(brokers: Sequence[Broker]) -> list[Broker]:
    """Return the brokers to whose address no connection can be made from here."""

    async def reached(broker: Broker) -> bool:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(broker.host, broker.port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    answers = await asyncio.gather(*(reached(broker) for broker in brokers))
    return [broker for broker, there in zip(brokers, answers, strict=True) if not there]


async def read_copies(client: Any, topics: Sequence[str]) -> dict[str, Copies]:
    """Return the copies of the topics that are there."""
    described = await client.describe_topics(list(topics))
    return {
        topic["topic"]: Copies(
            min(len(each["replicas"]) for each in topic["partitions"]),
            min(len(each["isr"]) for each in topic["partitions"]),
            sum(each["leader"] < 0 for each in topic["partitions"]),
        )
        for topic in described
        if topic["partitions"]
    }


def alter_topic(settings: Settings, topic: str, config: Mapping[str, str]) -> Mend:
    """Return the command that sets a topic's configuration."""
    entries = ",".join(f"{key}={value}" for key, value in config.items())
    return command(
        f"kafka-configs.sh {_where(settings)} --alter --entity-type topics"
        f" --entity-name {topic} --add-config {entries}"
    )


def add_partitions(settings: Settings, topic: str, partitions: int) -> Mend:
    """Return the command that gives a topic more partitions."""
    return command(
        f"kafka-topics.sh {_where(settings)} --alter --topic {topic} --partitions {partitions}"
    )


def _where(settings: Settings) -> str:
    hosts = ",".join(kafka_hosts(settings))
    secured = settings.kafka_security_protocol != "PLAINTEXT"
    return f"--bootstrap-server {hosts}" + (
        " --command-config client.properties" if secured else ""
    )

"""Topics on the broker, embedded or Kafka: create what is missing, report what differs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from app.broker import broker_url, kafka_hosts, kafka_security, log_folder
from app.broker.reasons import unavailable
from app.data_dir.engine_file import running_engine
from app.errors import BrokerUnavailable, SettingsError
from app.settings import PREFIX, Settings
from app.topics import TopicSpec

log: Any = structlog.get_logger("answerloop")

#: Kafka's error codes.
_UNKNOWN, _EXISTS = 3, 36
_SETTLING_TRIES = 50


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is on the broker."""

    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What became of one topic: `created`, `ok` or `differs` (and in what)."""

    name: str
    state: str
    differences: tuple[str, ...] = ()


class TopicAdmin(Protocol):
    """What this module asks of a broker."""

    async def describe(self, names: Sequence[str]) -> dict[str, TopicState]: ...

    async def create(self, specs: Sequence[TopicSpec]) -> set[str]:
        """Create topics; return the names that somebody else had created meanwhile."""
        ...

    async def close(self) -> None: ...


async def ensure_topics(admin: TopicAdmin, specs: Sequence[TopicSpec]) -> list[TopicReport]:
    """Create the missing topics; existing ones are compared, never changed. May be repeated.

    On return every topic is known to the broker. Raises BrokerUnavailable when it is not so
    within seconds.
    """
    found = await admin.describe([spec.name for spec in specs])
    missing = [spec for spec in specs if spec.name not in found]
    raced = await admin.create(missing) if missing else set()
    unsettled = {spec.name for spec in missing}
    created = unsettled - raced
    for _ in range(_SETTLING_TRIES):
        if not unsettled:
            break
        found.update(await admin.describe(sorted(unsettled)))
        unsettled -= found.keys()
        if unsettled:
            # A topic that was created a moment ago is not known to every broker yet.
            await asyncio.sleep(0.1)
    else:
        names = ", ".join(sorted(unsettled))
        raise BrokerUnavailable(f"{PREFIX}BROKER: created, and still unknown: {names}; try again")
    reports = []
    for spec in specs:
        if spec.name in created:
            reports.append(TopicReport(spec.name, "created"))
            continue
        differences = tuple(compare(spec, found[spec.name]))
        state = "differs" if differences else "ok"
        reports.append(TopicReport(spec.name, state, differences))
    return reports


def compare(spec: TopicSpec, state: TopicState) -> list[str]:
    """Name each difference between a topic as it should be and as it is."""
    found = []
    if state.partitions != spec.partitions:
        found.append(f"partitions: {state.partitions}, not {spec.partitions}")
    for name, value in spec.config.items():
        actual = state.config.get(name)
        if actual != value:
            found.append(f"{name}: {actual}, not {value}")
    return found


def refuse_other_partitions(reports: Sequence[TopicReport]) -> None:
    """Stop the start when partition counts differ: stages and tables must be co-partitioned."""
    wrong = [
        f"{report.name} ({difference})"
        for report in reports
        for difference in report.differences
        if difference.startswith("partitions")
    ]
    if wrong:
        raise SettingsError(
            f"ANSWERLOOP_PARTITIONS does not fit the broker's topics: {'; '.join(wrong)}; "
            "set it to the topics' number, or use another ANSWERLOOP_TOPIC_PREFIX and APP_ID",
            name="ANSWERLOOP_PARTITIONS",
        )


def tell_differences(reports: Sequence[TopicReport], *, of: str = "") -> None:
    """Log what differs, topic by topic: it works as well, though not as meant.

    `of`: the one option that is of interest.
    """
    for report in reports:
        if differing := [each for each in report.differences if each.startswith(of)]:
            log.warning("topic_differs", topic=report.name, differences=differing)


class EmbeddedTopicAdmin:
    """Topics of the embedded log, which is opened for writing only to create some."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def describe(self, names: Sequence[str]) -> dict[str, TopicState]:
        known = self._read_topics()
        return {
            name: TopicState(
                name,
                known[name].partitions,
                {key: str(value) for key, value in known[name].config.items()},
            )
            for name in names
            if name in known
        }

    async def create(self, specs: Sequence[TopicSpec]) -> set[str]:
        from app.transports import LogError

        try:
            for spec in specs:
                self._storage().create_topic(spec.name, spec.partitions, spec.config)
        except LogError as error:
            raise BrokerUnavailable(f"{PREFIX}BROKER: {error}") from error
        return set()

    async def close(self) -> None:
        return None

    def _read_topics(self) -> Any:
        from app.transports import LogError
        from app.transports.embedded.reader import open_readonly

        if not self._settings.broker.startswith("log:"):
            return self._storage().topics()
        try:
            log = open_readonly(log_folder(self._settings))
        except LogError:
            return {}  # nobody has made the log yet, or who opens it to write says what is wrong
        try:
            return log.topics()
        finally:
            log.close()

    def _storage(self) -> Any:
        from app.transports import LogError, LogInUse, storage_for

        try:
            return storage_for(broker_url(self._settings))
        except LogInUse as error:
            url = running_engine(self._settings)
            where = f"; its engine is at {url}" if url else ""
            raise BrokerUnavailable(f"{PREFIX}BROKER: {error}{where}") from error
        except LogError as error:
            raise BrokerUnavailable(f"{PREFIX}BROKER: {error}") from error


class KafkaTopicAdmin:
    """Topics of a Kafka cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def describe(self, names: Sequence[str]) -> dict[str, TopicState]:
        with _told_as_unavailable():
            return await self._describe(names)

    async def _describe(self, names: Sequence[str]) -> dict[str, TopicState]:
        from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

        found = await self._settled(list(names))
        configs: dict[str, dict[str, str]] = {}
        if found:
            resources = [ConfigResource(ConfigResourceType.TOPIC, t["topic"]) for t in found]
            for response in await self._client.describe_configs(resources):
                for resource in response.resources:
                    entries = resource[4]
                    configs[resource[3]] = {entry[0]: entry[1] for entry in entries}
        return {
            topic["topic"]: TopicState(
                topic["topic"], len(topic["partitions"]), configs.get(topic["topic"], {})
            )
            for topic in found
        }

    async def _settled(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the topics that exist, once those just created have their leaders."""
        for _ in range(_SETTLING_TRIES):
            topics = await self._client.describe_topics(names)
            if all(topic["error_code"] in {0, _UNKNOWN} for topic in topics):
                break
            await asyncio.sleep(0.1)
        return [topic for topic in topics if topic["error_code"] != _UNKNOWN]

    async def create(self, specs: Sequence[TopicSpec]) -> set[str]:
        from aiokafka.admin import NewTopic

        wanted = [
            NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.config)
            for spec in specs
        ]
        with _told_as_unavailable():
            response = await self._client.create_topics(wanted)
        for name, code, message in response.topic_errors:
            if code not in (0, _EXISTS):
                raise BrokerUnavailable(f"topic {name} was not created: {message or code}")
        return {name for name, code, _ in response.topic_errors if code == _EXISTS}

    async def close(self) -> None:
        await self._client.close()


async def open_topic_admin(settings: Settings) -> TopicAdmin:
    """Connect to the broker. Raises BrokerUnavailable when nobody answers within seconds."""
    if settings.embedded:
        return EmbeddedTopicAdmin(settings)
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    hosts, security = kafka_hosts(settings), kafka_security(settings)
    client = AIOKafkaAdminClient(bootstrap_servers=hosts, request_timeout_ms=10_000, **security)
    try:
        with _hushed("aiokafka"):
            await client.start()
    except (KafkaError, OSError) as error:
        await client.close()
        raise await unavailable(hosts, security) from error
    return KafkaTopicAdmin(client)


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    """Raise BrokerUnavailable for what the Kafka library raises when a broker goes."""
    from aiokafka.errors import KafkaError

    try:
        yield
    except (KafkaError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise BrokerUnavailable(f"{PREFIX}BROKER: Kafka did not answer ({reason})") from error


@contextmanager
def _hushed(name: str) -> Iterator[None]:
    """Keep a library from logging what is raised and told anyway."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

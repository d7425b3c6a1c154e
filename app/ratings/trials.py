"""Where `ratings verify` tries things out: a topic of its own, which is gone afterwards.

On Kafka `PREFIXratings-verify`. An embedded log can't drop a topic, so a log in a temporary folder
stands in: the same code, the same settings, the same disk.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.broker import kafka_hosts, kafka_security, log_folder
from app.broker.topic_admin import TopicState, open_topic_admin
from app.errors import BrokerUnavailable, InputError
from app.ratings.reading import LogGroup, kafka_group
from app.ratings.senders import LogSender, kafka_sender
from app.ratings.sending import RatingSender
from app.ratings.verifying import Trial
from app.settings import PREFIX, Settings
from app.topics import TopicSpec, rating_topic_table
from app.transports import LogError, RawRecord
from app.transports.embedded.reader import open_readonly
from app.transports.embedded.sqlite import SqliteStorage

#: How long the next record may take.
READ_SECONDS = 10.0
_GONE_TRIES = 100


def trial_spec(settings: Settings) -> TopicSpec:
    """Return the topic of a trial: `ratings` under another name."""
    spec = rating_topic_table(settings)[0]
    return replace(spec, name=f"{spec.name}-verify", about="a trial of ratings verify")


@asynccontextmanager
async def open_trial(settings: Settings) -> AsyncIterator[Trial]:
    """Make the topic of a trial, and remove it at the end. Raises BrokerUnavailable."""
    if settings.broker.startswith("memory:"):
        raise InputError(
            f"{PREFIX}BROKER: {settings.broker} ends with a process; use log: or kafka://"
        )
    if settings.embedded:
        with tempfile.TemporaryDirectory(prefix="answerloop-verify-") as folder:
            storage = SqliteStorage(Path(folder) / "log")
            try:
                yield EmbeddedTrial(storage, trial_spec(settings), Path(folder))
            finally:
                storage.close()
        return
    async with _kafka_trial(settings) as trial:
        yield trial


async def topics_there(settings: Settings, names: Sequence[str]) -> Mapping[str, TopicState]:
    """Return those of the topics that there are. Nothing is made, also where there is no log."""
    if not settings.embedded:
        admin = await open_topic_admin(settings)
        try:
            return await admin.describe(names)
        finally:
            await admin.close()
    try:
        log = open_readonly(log_folder(settings))
    except LogError:
        return {}
    try:
        known = log.topics()
        return {
            name: TopicState(
                name,
                known[name].partitions,
                {key: str(value) for key, value in known[name].config.items()},
            )
            for name in names
            if name in known
        }
    finally:
        log.close()


class EmbeddedTrial:
    """A log in a folder of the trial's own."""

    def __init__(self, storage: SqliteStorage, spec: TopicSpec, folder: Path) -> None:
        storage.create_topic(spec.name, spec.partitions, spec.config)
        self._storage, self._folder, self.spec = storage, folder, spec
        self.where = f"an embedded log of its own in {folder}"
        self.sender: RatingSender = LogSender(storage, spec.name, self.where)

    async def state(self) -> TopicState:
        info = self._storage.topics()[self.spec.name]
        config = {key: str(value) for key, value in info.config.items()}
        return TopicState(info.name, info.partitions, config)

    async def read(self, count: int) -> Sequence[RawRecord]:
        log = open_readonly(self._storage.folder)
        try:
            group = LogGroup(log, self.spec.name, self._folder, "verify", reset=True)
            return await _read(group, count)
        finally:
            log.close()

    async def ends(self) -> Mapping[int, int]:
        return {
            each: self._storage.end((self.spec.name, each)) for each in range(self.spec.partitions)
        }

    async def committed(self) -> Mapping[int, int]:
        """Return where a reader of the same group would go on."""
        log = open_readonly(self._storage.folder)
        try:
            group = LogGroup(log, self.spec.name, self._folder, "verify", reset=False)
            ends, lag = await self.ends(), await group.lag()
            return {each: end - lag[each] for each, end in ends.items()}
        finally:
            log.close()


class KafkaTrial:
    """A topic of the trial's own on Kafka, and a group that reads it."""

    def __init__(
        self, settings: Settings, admin: Any, spec: TopicSpec, group: str, sender: RatingSender
    ) -> None:
        self._settings, self._admin, self._group = settings, admin, group
        self.spec, self.sender, self.where = spec, sender, sender.where
        self._ends: dict[int, int] = {}

    async def state(self) -> TopicState:
        admin = await open_topic_admin(self._settings)
        try:
            return (await admin.describe([self.spec.name]))[self.spec.name]
        finally:
            await admin.close()

    async def read(self, count: int) -> Sequence[RawRecord]:
        async with kafka_group(self._settings, self.spec.name, self._group, reset=True) as group:
            records = await _read(group, count)
            self._ends = dict(await group.ends())
        return records

    async def ends(self) -> Mapping[int, int]:
        return self._ends

    async def committed(self) -> Mapping[int, int]:
        found = await self._admin.list_consumer_group_offsets(self._group)
        return {
            tp.partition: each.offset
            for tp, each in found.items()
            if tp.topic == self.spec.name and each.offset >= 0
        }


async def _read(group: Any, count: int) -> Sequence[RawRecord]:
    """Read until `count` records are there, and a little on: there must be no more."""
    records: list[RawRecord] = []
    positions: dict[int, int] = {}
    while True:
        enough = len(records) >= count
        found = await group.fetch(5000, 0.3 if enough else READ_SECONDS)
        records += found
        positions |= {record.partition: record.offset + 1 for record in found}
        if not found:
            break
    await group.commit(positions)
    return records


@asynccontextmanager
async def _kafka_trial(settings: Settings) -> AsyncIterator[KafkaTrial]:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    spec, group = trial_spec(settings), f"{settings.app_id}-ratings-verify"
    await (await open_topic_admin(settings)).close()  # says in words when nobody answers
    admin = AIOKafkaAdminClient(
        bootstrap_servers=kafka_hosts(settings),
        request_timeout_ms=10_000,
        **kafka_security(settings),
    )
    try:
        await admin.start()
        await _remove(settings, admin, spec.name)
        try:
            async with kafka_sender(settings, spec) as sender:
                yield KafkaTrial(settings, admin, spec, group, sender)
        finally:
            await _remove(settings, admin, spec.name)
    except KafkaError as error:
        raise BrokerUnavailable(f"{PREFIX}BROKER: {error}") from error
    finally:
        await admin.close()


async def _remove(settings: Settings, admin: Any, topic: str) -> None:
    """Remove the topic of a trial, where it is, and wait until it is gone.

    The broker drops the group's offsets with it, and so the group.
    """
    await admin.delete_topics([topic])
    for _ in range(_GONE_TRIES):
        if topic not in await topics_there(settings, [topic]):
            return
        await asyncio.sleep(0.1)
    raise BrokerUnavailable(f"topic {topic} can't be removed: remove it by hand, and try again")

"""The ways to the topic `ratings`: Kafka, the embedded log itself, or the engine that has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from time import monotonic
from typing import Any

import aiohttp

from app.broker import broker_url, kafka_hosts, kafka_security, log_folder
from app.broker.topic_admin import ensure_topics, open_topic_admin
from app.data_dir.engine_file import running_engine
from app.errors import BrokerUnavailable, InputError, UnavailableError
from app.ratings.faulty import RatingMessage
from app.ratings.sending import Acked, RatingSender
from app.settings import PREFIX, Settings
from app.topics import RATINGS_PARTITIONS, TopicSpec, rating_topic_table
from app.transports import NewRecord, Storage, close_storage, storage_for
from app.transports.embedded.storage import murmur2_partition

BATCH_BYTES = 256 * 1024
REQUEST_MS = 20_000
#: How long an acknowledgement may take: an idempotent producer of aiokafka tries for ever.
ACK_SECONDS = 30.0
STOP_SECONDS = 5.0
#: How long a busy engine is asked again.
PATIENCE_SECONDS = 60.0


@lru_cache(maxsize=200_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Kafka's own producers choose for a key."""
    return murmur2_partition(key, partitions)


@asynccontextmanager
async def open_sender(settings: Settings) -> AsyncIterator[RatingSender]:
    """Give the way to `ratings` that these settings have; the topic is made where it is missing.

    Raises BrokerUnavailable when nobody answers, InputError for a log that nobody would read.
    """
    spec = rating_topic_table(settings)[0]
    if not settings.embedded:
        async with kafka_sender(settings, spec) as sender:
            yield sender
        return
    url = running_engine(settings)
    if url is not None:
        async with engine_sender(settings, url) as sender:
            yield sender
    elif settings.broker.startswith("log:"):
        await _ensure(settings, spec)
        storage = storage_for(broker_url(settings))
        try:
            yield LogSender(storage, spec.name, f"the log in {log_folder(settings)}")
        finally:
            close_storage(broker_url(settings))
    else:
        raise InputError(
            f"{PREFIX}BROKER: {settings.broker} ends with this command; use log: or kafka://"
        )


async def _ensure(settings: Settings, spec: TopicSpec) -> int:
    """Make the topic where it is missing; return how many partitions it has."""
    admin = await open_topic_admin(settings)
    try:
        await ensure_topics(admin, [spec])
        found = await admin.describe([spec.name])
        return found[spec.name].partitions
    finally:
        await admin.close()


class LogSender:
    """Appends to an embedded log that this process has open."""

    valid_only = False

    def __init__(self, storage: Storage, topic: str, where: str) -> None:
        self._storage, self._topic, self.where = storage, topic, where
        self._partitions = storage.topics()[topic].partitions

    async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
        started = monotonic()
        by_partition: dict[int, list[asyncio.Future[Any]]] = {}
        for message in block:
            partition = partition_of(message.key, self._partitions)
            record = NewRecord(self._topic, partition, message.key, message.value)
            by_partition.setdefault(partition, []).append(self._storage.append(record))
        return _kept(by_partition, started)


async def _kept(
    by_partition: dict[int, list[asyncio.Future[Any]]], started: float
) -> Sequence[Acked]:
    acks = []
    for partition, futures in by_partition.items():
        found = await asyncio.gather(*futures, return_exceptions=True)
        errors = [str(each) for each in found if isinstance(each, BaseException)]
        seconds = monotonic() - started
        if good := len(found) - len(errors):
            acks.append(Acked(partition, good, seconds))
        if errors:
            acks.append(Acked(partition, len(errors), seconds, errors[0]))
    return acks


class KafkaSender:
    """Builds a batch for each partition itself: aiokafka's way for each message costs more."""

    valid_only = False

    def __init__(self, producer: Any, topic: str, partitions: int, where: str) -> None:
        self._producer, self._topic, self.where = producer, topic, where
        self._partitions = partitions

    async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
        started = monotonic()
        by_partition: dict[int, list[RatingMessage]] = {}
        for message in block:
            partition = partition_of(message.key, self._partitions)
            by_partition.setdefault(partition, []).append(message)
        sends = await asyncio.gather(*(self._send(*each) for each in by_partition.items()))
        acks = (
            _acknowledged(partition, future, count, started)
            for send in sends
            for partition, future, count in send
        )
        return asyncio.gather(*acks)

    async def _send(
        self, partition: int, messages: Sequence[RatingMessage]
    ) -> list[tuple[int, Awaitable[Any], int]]:
        """Queue one partition's messages, in order: more than one batch when they are long."""
        found: list[tuple[int, Awaitable[Any], int]] = []
        batch, count = self._producer.create_batch(), 0
        for key, value, _ in messages:
            if batch.append(timestamp=None, key=key, value=value) is None:
                found.append((partition, await self._queue(batch, partition), count))
                batch, count = self._producer.create_batch(), 0
                batch.append(timestamp=None, key=key, value=value)
            count += 1
        found.append((partition, await self._queue(batch, partition), count))
        return found

    async def _queue(self, batch: Any, partition: int) -> Awaitable[Any]:
        from aiokafka.errors import KafkaError

        batch.close()
        try:
            queued = await self._producer.send_batch(batch, self._topic, partition=partition)
        except KafkaError as error:
            raise BrokerUnavailable(f"{PREFIX}BROKER: {self.where}: {error}") from error
        if queued is None:  # aiokafka says so when there was no room in time
            raise BrokerUnavailable(f"{PREFIX}BROKER: {self.where} takes no more")
        found: Awaitable[Any] = queued
        return found


async def _acknowledged(
    partition: int, future: Awaitable[Any], events: int, started: float
) -> Acked:
    from aiokafka.errors import KafkaError

    try:
        async with asyncio.timeout(ACK_SECONDS):
            await future
    except TimeoutError:
        words = f"no acknowledgement within {ACK_SECONDS:.0f} s"
        return Acked(partition, events, monotonic() - started, words)
    except KafkaError as error:
        return Acked(partition, events, monotonic() - started, str(error) or type(error).__name__)
    return Acked(partition, events, monotonic() - started)


@asynccontextmanager
async def kafka_sender(settings: Settings, spec: TopicSpec) -> AsyncIterator[KafkaSender]:
    """Give a sender to a topic on Kafka: acks=all, idempotent, lz4."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError

    partitions = await _ensure(settings, spec)
    hosts = ",".join(kafka_hosts(settings))
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka_hosts(settings),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REQUEST_MS,
        **kafka_security(settings),
    )
    try:
        await producer.start()
    except (KafkaError, OSError) as error:
        await producer.stop()
        raise BrokerUnavailable(f"{PREFIX}BROKER: no Kafka answers at {hosts} ({error})") from error
    try:
        yield KafkaSender(producer, spec.name, partitions, f"Kafka at {hosts}")
    finally:
        await _stop(producer)


async def _stop(producer: Any) -> None:
    """Stop a producer, also one that still tries to send what a broker that is gone shall have."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
    except TimeoutError:
        await producer.client.close()


class EngineSender:
    """Sends through the engine that has the embedded log: `POST /ratings`, one after the other."""

    valid_only = True

    def __init__(self, session: aiohttp.ClientSession, settings: Settings, url: str) -> None:
        token = settings.api_token
        self._session = session
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self.where = f"the engine at {url}"

    async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
        started = monotonic()
        await self._post(b'{"ratings":[' + b",".join(each.value for each in block) + b"]}")
        seconds = monotonic() - started
        counts: dict[int, int] = {}
        for message in block:
            partition = partition_of(message.key, RATINGS_PARTITIONS)
            counts[partition] = counts.get(partition, 0) + 1
        return _done([Acked(partition, count, seconds) for partition, count in counts.items()])

    async def _post(self, body: bytes) -> None:
        until = monotonic() + PATIENCE_SECONDS
        while True:
            status, words, retry_after = await self._ask(body)
            if status == 202:
                return
            if status not in (429, 503):
                hint = f" ({PREFIX}API_TOKEN)" if status == 401 else ""
                raise InputError(f"{self.where} refused: {words}{hint}")
            if monotonic() + retry_after > until:
                raise UnavailableError(f"{self.where} can't take ratings now: {words}")
            await asyncio.sleep(retry_after)

    async def _ask(self, body: bytes) -> tuple[int, str, float]:
        try:
            async with self._session.post(
                "/ratings", data=body, headers=self._headers, allow_redirects=False
            ) as response:
                reply = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnavailableError(f"{self.where} does not answer: {reason}") from error
        words = "" if response.status == 202 else reply["error"]["message"]
        return response.status, words, float(response.headers.get("Retry-After", "1"))


async def _done(acks: Sequence[Acked]) -> Sequence[Acked]:
    return acks


@asynccontextmanager
async def engine_sender(settings: Settings, url: str) -> AsyncIterator[EngineSender]:
    timeout = aiohttp.ClientTimeout(total=60, sock_connect=5)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        yield EngineSender(session, settings, url)

"""The strict consumer and producer on Kafka, over Faust's aiokafka driver (`strict://`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiokafka.client import ConnectionGroup
from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from app.broker.writes import let_closed_be_broken
from app.loop import new_event_loop
from app.transports.kafka_group import MembershipLost, interpret, what_ended, what_ended_sending
from app.transports.kafka_pace import keep_pace
from app.transports.records import RawRecord
from app.transports.strict import StrictConsumer, StrictProducer

_new = tuple.__new__
let_closed_be_broken()


def loop_for(app: Any) -> asyncio.AbstractEventLoop:
    """Return the loop of a consumer's thread.

    Not uvloop where there may be TLS: one stop in six waited there for ever for a connection's end.
    """
    return new_event_loop() if app.conf.broker_credentials is None else asyncio.new_event_loop()


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer in its own thread, fetching a bounded slice of each partition."""

    watch_seconds = 1.0
    """How often it is asked whether something of the consumer has ended for good."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        self._known: tuple[Any, frozenset[TP]] = (None, frozenset())
        """aiokafka's assignment when it was asked last, and the same in Faust's words."""
        super().__init__(consumer, thread_loop=loop_for(consumer.app), **options)
        self._close_thread_loop_on_stop = True  # it is ours: see mode's ServiceThread

    async def on_start(self) -> None:
        await super().on_start()
        if not self.app.client_only:
            consumer = self._ensure_consumer()
            interpret(consumer._coordinator)
            keep_pace(consumer._fetcher)

    def assignment(self) -> set[TP]:
        there = self._ensure_consumer().assignment()
        known, ours = self._known
        if known is not there:
            ours = frozenset(TP(tp.topic, tp.partition) for tp in there)
            self._known = there, ours
        return set(ours)

    @Service.task
    async def _watch_membership(self) -> None:
        """Crash the app when aiokafka's consumer will not go on: nobody else would notice."""
        while not self.should_stop:
            await self.sleep(self.watch_seconds)
            if self._consumer is None or (reason := what_ended(self._consumer)) is None:
                continue
            crash = self.app.crash(MembershipLost(reason))
            asyncio.run_coroutine_threadsafe(crash, self.parent_loop)
            return

    async def fetch(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        """Run `_fetch_slices` in the consumer's thread.

        Past its queue of methods, which starts three tasks for each, and has two workers: a commit
        does not wait for a fetch.
        """
        fetching = asyncio.run_coroutine_threadsafe(
            self._fetch_slices(limits, timeout), self.thread_loop
        )
        return await asyncio.wrap_future(fetching)

    async def _fetch_slices(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        consumer = self._ensure_consumer()
        try:
            return await self._slices_of(consumer, limits, timeout)
        except KafkaError:
            if what_ended(consumer) is None:
                raise
            return {}  # `_watch_membership` says so, whether a fetch was waiting or not

    async def _slices_of(
        self, consumer: Any, limits: Mapping[TP, int], timeout: float
    ) -> dict[TP, list[Any]]:
        fetcher = consumer._fetcher
        if not self.consumer.flow_active or not limits:
            return {}
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        found: dict[TP, list[Any]] = {}
        with fetcher._subscriptions.fetch_context():
            for tp in [tp for tp in fetcher._records if tp in limits]:
                found |= await fetcher.fetched_records([tp], timeout=0, max_records=limits[tp])
            if not found:  # wait; whichever partition comes first may bring the smallest slice
                found = await fetcher.fetched_records(
                    list(limits), timeout=timeout, max_records=min(limits.values())
                )
        return {TP(tp.topic, tp.partition): records for tp, records in found.items()}

    async def group_state(self) -> str:
        """Return what the broker says of our group: `Stable`, `Empty`, `Dead`, ..."""
        state: str = await self.call_thread(self._group_state)
        return state

    async def _group_state(self) -> str:
        consumer = self._ensure_consumer()
        node = consumer._coordinator.coordinator_id
        if node is None:
            raise ConsumerStoppedError
        request = DescribeGroupsRequest([self.consumer.app.conf.id])
        response = await consumer._client.send(node, request, group=ConnectionGroup.COORDINATION)
        return str(response.groups[0][2])


class Consumer(StrictConsumer, driver.Consumer):
    """A strict member of a Kafka consumer group."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _fetch(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        return await self._thread.fetch(limits, timeout)  # type: ignore[no-any-return, unused-ignore]

    async def group_is_empty(self) -> bool:
        """Ask the broker whether nobody is in our group, this worker included."""
        return await self._thread.group_state() in {"Empty", "Dead"}

    def _raws(self, records: list[Any]) -> list[RawRecord]:
        # Past the class's own constructor, a Python function that costs as much as all the rest.
        return [
            _new(
                RawRecord,
                (
                    record.topic,
                    record.partition,
                    record.offset,
                    (record.timestamp or 0) / 1000.0,
                    record.headers,
                    record.key,
                    record.value,
                ),
            )
            for record in records
        ]

    # Faust's checks raise false alarms ("Aiokafka has not sent fetch request", #166, #503, #629)
    # on idle partitions. `stuck()` and `lag()` say what they mean to say.

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Not used: see `stuck`."""

    def verify_recovery_event_path(self, now: float, tp: TP) -> None:
        """Not used: see `stuck`."""


class ProducerLost(Exception):
    """Nothing that this worker sends will reach the broker any more."""


class Producer(StrictProducer, driver.Producer):
    """A Kafka producer whose buffered writes are confirmed before a commit."""

    watch_seconds = 1.0
    """How often it is asked whether something of the client has ended for good."""

    @Service.task
    async def _watch_client(self) -> None:
        """Crash the app when aiokafka's producer will not go on: its sends would fail for ever."""
        while not self.should_stop:
            await self.sleep(self.watch_seconds)
            if self._producer is None or (reason := what_ended_sending(self._producer)) is None:
                continue
            await self.transport.app.crash(ProducerLost(reason))
            return


class Transport(driver.Transport):
    """`strict://host:9092;strict://host2:9092`."""

    Consumer: ClassVar[type] = Consumer
    Producer: ClassVar[type] = Producer

"""The consumer of an embedded log."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_ident
from time import monotonic, time
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from faust.assignor.client_assignment import ClientAssignment
from faust.transport import base
from faust.types import TP, ConsumerMessage
from mode import Service

from app.transports.embedded.errors import GroupInUse, LogClosed, LogError
from app.transports.embedded.storage import Storage
from app.transports.embedded.topics import declare
from app.transports.records import RawRecord
from app.transports.strict import StrictConsumer

EXPIRE_SECONDS = 300.0
"""How often retention is applied while a consumer runs."""


_members: WeakKeyDictionary[Storage, WeakValueDictionary[str, Consumer]] = WeakKeyDictionary()
"""By log and group: the member of each group in this process."""


class Consumer(StrictConsumer, base.Consumer):
    """The only member of its group: every partition of what it subscribes to is its own."""

    consumer_stopped_errors: ClassVar[tuple[type[BaseException], ...]] = (LogClosed,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._wake = asyncio.Event()
        self._rebalance_lock = asyncio.Lock()
        self._thread = 0
        self._readers = ThreadPoolExecutor(1, "log-reader")
        """Our own: a reader must not queue behind whatever else uses the loop's threads."""
        super().__init__(*args, **kwargs)

    @property
    def storage(self) -> Storage:
        storage: Storage = self.transport.storage
        return storage

    @property
    def group(self) -> str:
        return str(self.app.conf.id)

    async def on_start(self) -> None:
        self._join()
        self._thread = get_ident()
        self.storage.add_listener(self._on_append)
        await super().on_start()

    def _join(self) -> None:
        """Be the one member of the group. Raises GroupInUse: two would do everything twice.

        One whose event loop has ended was left behind as by a crash, and counts for nothing.
        """
        members = _members.setdefault(self.storage, WeakValueDictionary())
        other = members.get(self.group)
        if other is not None and not other.should_stop and not other.loop.is_closed():
            raise GroupInUse(self.group)
        members[self.group] = self

    async def on_stop(self) -> None:
        if (members := _members.get(self.storage)) and members.get(self.group) is self:
            del members[self.group]
        await super().on_stop()
        self.storage.remove_listener(self._on_append)
        self._readers.shutdown(wait=False)

    def _on_append(self) -> None:
        if get_ident() == self._thread:
            self._wake.set()
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._wake.set)

    # -- topics and assignment

    async def create_topic(self, topic: str, partitions: int, *_: Any, **options: Any) -> None:
        declare(self.app, self.storage, topic, partitions, **options)

    async def subscribe(self, topics: Iterable[str]) -> None:
        assigned = set()
        for topic in topics:
            if topic not in self.storage.topics():
                declare(self.app, self.storage, topic)
            count = self.storage.topics()[topic].partitions
            assigned |= {TP(topic, partition) for partition in range(count)}
        # The conductor waits for subscribe() and the assignment waits for the conductor.
        self.add_future(self._rebalance(assigned))

    async def rebalance(self) -> None:
        """Give all partitions up and take them again, as a Kafka group does."""
        await self._rebalance(set(self._assigned))

    async def _rebalance(self, assigned: set[TP]) -> None:
        async with self._rebalance_lock:
            self.app.on_rebalance_start()
            await self.on_partitions_revoked(set(self._assigned))
            self._assigned = assigned
            self._positions = {}
            self._tell_assignor(assigned)
            self.app.consumer_generation_id += 1
            await self.on_partitions_assigned(assigned, self.app.consumer_generation_id)

    def _tell_assignor(self, assigned: set[TP]) -> None:
        """Table recovery and the web router ask the assignor who has what."""
        actives: dict[str, list[int]] = defaultdict(list)
        for tp in sorted(assigned):
            actives[tp.topic].append(tp.partition)
        assignor, changelogs = self.app.assignor, self.app.tables.changelog_topics
        assignor._assignment = ClientAssignment(actives=dict(actives), standbys={})
        assignor._active_tps, assignor._standby_tps = set(assigned), set()
        here = str(self.app.conf.canonical_url)
        assignor.changelog_distribution = {
            here: {topic: parts for topic, parts in actives.items() if topic in changelogs}
        }
        assignor.external_topic_distribution = {
            here: {topic: parts for topic, parts in actives.items() if topic not in changelogs}
        }

    def assignment(self) -> set[TP]:
        return set(self._assigned)

    async def group_is_empty(self) -> bool:
        """Tell whether the only member of the group has no partitions."""
        return not self._assigned

    # -- fetching

    async def _fetch(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        deadline = monotonic() + timeout
        while self.flow_active and not self.should_stop:
            self._wake.clear()
            wanted = self._wanted(limits)
            if wanted and (found := await self._read(wanted)):
                return found
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.0, deadline - monotonic()))
            except TimeoutError:
                break
        return {}

    def _wanted(self, limits: Mapping[TP, int]) -> list[tuple[TP, int, int]]:
        """(partition, offset, limit) wherever there is something to read."""
        wanted = []
        for tp, limit in limits.items():
            end, position = self.storage.end(tp), self._positions.get(tp, 0)
            if position > end:  # the log was made anew: StrictConsumer decides what that means
                position = self._positions[tp] = self.storage.start(tp)
            if position < end:
                wanted.append((tp, position, limit))
        return wanted

    async def _read(self, wanted: list[tuple[TP, int, int]]) -> dict[TP, list[Any]]:
        read = self.storage.read

        def read_all() -> list[list[RawRecord]]:
            return [read(tp, offset, limit) for tp, offset, limit in wanted]

        if self.storage.blocking:
            runs = await self.loop.run_in_executor(self._readers, read_all)
        else:
            runs = read_all()
        found = {}
        for (tp, offset, _limit), run in zip(wanted, runs, strict=True):
            if self._positions.get(tp, 0) == offset:  # nobody sought elsewhere meanwhile
                self._positions[tp] = run[-1].offset + 1 if run else self.storage.end(tp)
                if run:
                    found[tp] = run
        return found

    def _raws(self, records: list[RawRecord]) -> list[RawRecord]:
        return list(records)

    def _to_message(self, tp: TP, record: RawRecord) -> ConsumerMessage:
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            0,
            record.headers,
            record.key,
            record.value,
            None,
            len(record.key) if record.key else 0,
            len(record.value) if record.value else 0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    # -- positions and offsets

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def seek_to_committed(self) -> dict[TP, int | None]:
        committed = self.storage.committed(self.group)
        found = {tp: committed.get(tp) for tp in self._assigned if not self._is_changelog_tp(tp)}
        self._positions.update({tp: offset or 0 for tp, offset in found.items()})
        return found

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[partition] = offset

    async def _driver_seek(self, partitions: Mapping[TP, int]) -> None:
        self._positions.update(partitions)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        await self.storage.commit(self.group, offsets)
        return True

    async def position(self, tp: TP) -> int | None:
        return self._positions.get(tp)

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.storage.start(tp) for tp in partitions}

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.storage.end(tp) for tp in partitions}

    def highwater(self, tp: TP) -> int:
        return self.storage.end(tp)

    def topic_partitions(self, topic: str) -> int | None:
        info = self.storage.topics().get(topic)
        return info.partitions if info is not None else None

    def key_partition(
        self, topic: str, key: bytes | None, partition: int | None = None
    ) -> int | None:
        return self.storage.partition_for(topic, key) if partition is None else partition

    @Service.task  # type: ignore[untyped-decorator, unused-ignore]
    async def _expire(self) -> None:
        while not self.should_stop:
            await self.sleep(EXPIRE_SECONDS)
            if not self.should_stop:
                try:
                    await self.loop.run_in_executor(self._readers, self.storage.expire, time())
                except LogError as error:  # a full disk, say: it may have room the next time
                    self.log.warning("old messages could not be deleted: %s", error)

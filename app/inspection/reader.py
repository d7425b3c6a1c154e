"""What inspection asks of a broker: offsets, records, groups. Nobody becomes a member of a group.

A topic that is not there raises TopicMissing: who sees nothing must not say that all is well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.broker.topic_admin import TopicState
from app.errors import AnswerloopError, BrokerUnavailable
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey

#: Records of a partition in one fetch.
CHUNK = 1000
#: A partition that has records and gives none for so long is taken for gone.
SILENCE_SECONDS = 30.0


class TopicMissing(BrokerUnavailable):
    """There is no such topic."""

    exit_code = 3


class GroupActive(AnswerloopError):
    """Somebody may be in the group: its offsets are theirs to set."""


class Span(NamedTuple):
    """Offsets of a partition: the first that may exist, and that of the next record."""

    start: int
    end: int

    @property
    def messages(self) -> int:
        """How many records there are; on a compacted topic no more than this."""
        return max(0, self.end - self.start)


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A partition as the broker tells it. The embedded log has no leader and no replicas."""

    partition: int
    span: Span
    leader: int | None = None
    replicas: tuple[int, ...] = ()
    in_sync: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a consumer group, and the partitions that it has."""

    member_id: str
    client_id: str
    host: str
    partitions: frozenset[PartitionKey]


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group in Kafka's words: `Stable`, `Empty`, `Dead` (not known), ..."""

    name: str
    state: str
    members: tuple[Member, ...] = ()

    @property
    def active(self) -> bool:
        """Whether somebody may be reading as this group."""
        return self.state not in {"Empty", "Dead"}


class Reading(Protocol):
    """Some partitions being read, each from a position of its own."""

    positions: dict[PartitionKey, int]
    """The offset to be read next."""

    async def fetch(
        self, partitions: Collection[PartitionKey], limit: int, seconds: float
    ) -> dict[PartitionKey, list[RawRecord]]:
        """Return up to `limit` records of each partition, in order; none after `seconds`."""
        ...


class TopicReader(ABC):
    """Reads topics and groups of one broker. Raises BrokerUnavailable."""

    where: str
    """The broker, for people."""

    @abstractmethod
    async def topics(self) -> list[str]:
        """Return the names of all topics on the broker."""

    @abstractmethod
    async def partitions(self, topics: Sequence[str]) -> list[PartitionKey]:
        """Return the partitions of these topics. Raises TopicMissing."""

    @abstractmethod
    async def spans(self, partitions: Collection[PartitionKey]) -> dict[PartitionKey, Span]:
        """Return where each partition begins and ends now."""

    @abstractmethod
    async def offsets_at(
        self, partitions: Collection[PartitionKey], when: float
    ) -> dict[PartitionKey, int]:
        """Return each partition's first offset of the time `when` (Unix s) or later, or its end."""

    @abstractmethod
    async def read(self, positions: Mapping[PartitionKey, int]) -> Reading:
        """Begin to read these partitions from these offsets. One reading at a time."""

    @abstractmethod
    def find(
        self, key: bytes, spans: Mapping[PartitionKey, Span]
    ) -> AsyncIterator[tuple[int, list[RawRecord]]]:
        """Look for the records of a key; gives (offsets looked at, records found) by pieces."""

    @abstractmethod
    async def describe(self, topic: str) -> list[PartitionState]:
        """Return the state of each partition. Raises TopicMissing."""

    @abstractmethod
    async def states(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Return partitions and configuration of those of these topics that are there."""

    @abstractmethod
    async def sizes(self, topics: Collection[str]) -> dict[str, int]:
        """Return the bytes of topics, of those that the broker tells."""

    @abstractmethod
    async def group_names(self) -> list[str]:
        """Return the names of all groups, in order."""

    @abstractmethod
    async def groups(self) -> list[GroupState]:
        """Return every group; the members may be left out."""

    @abstractmethod
    async def group(self, name: str) -> GroupState:
        """Return a group with its members; its state is `Dead` when nobody knows it."""

    @abstractmethod
    async def committed(self, group: str) -> dict[PartitionKey, int]:
        """Return the offsets that a group has committed."""

    @abstractmethod
    async def commit(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        """Set the offsets of a group that nobody is in. Raises GroupActive."""

    @abstractmethod
    async def close(self) -> None: ...

    async def values(self, topic: str) -> list[bytes]:
        """Return the value of every record of a topic; null values are left out."""
        spans = await self.spans(await self.partitions([topic]))
        found: list[bytes] = []
        async for records in read_through(self, spans):
            found += [bytes(record.value) for record in records if record.value is not None]
        return found

    async def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """Return `topic/partition` -> records beyond the committed offset, where there are any."""
        partitions = await self.partitions(topics)
        committed = await self.committed(group)
        spans = await self.spans(partitions)
        found = {}
        for tp, span in spans.items():
            behind = span.end - max(committed.get(tp, span.start), span.start)
            if behind:
                found[f"{tp[0]}/{tp[1]}"] = behind
        return found


async def read_through(
    reader: TopicReader, spans: Mapping[PartitionKey, Span], chunk: int = CHUNK
) -> AsyncIterator[list[RawRecord]]:
    """Give the records within the spans, in order within a partition, up to `chunk` at once.

    Raises BrokerUnavailable when a partition falls silent before its end.
    """
    reading = await reader.read({tp: span.start for tp, span in spans.items() if span.messages})
    while unread := [tp for tp, at in reading.positions.items() if at < spans[tp].end]:
        found = await reading.fetch(unread, chunk, SILENCE_SECONDS)
        if not found and any(reading.positions[tp] < spans[tp].end for tp in unread):
            raise silence(reader, unread[0])
        for tp, records in found.items():
            yield [record for record in records if record.offset < spans[tp].end]


def silence(reader: TopicReader, tp: PartitionKey) -> BrokerUnavailable:
    """Return the error of a partition that has records and gives none."""
    return BrokerUnavailable(
        f"{reader.where} gave no record of {tp[0]}/{tp[1]} within {SILENCE_SECONDS:.0f} s"
    )

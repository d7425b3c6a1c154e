"""A trial batch through a topic like `ratings`: does the log keep its word at each step?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from app.broker.topic_admin import TopicState, compare
from app.core.ratings.events import Refusal
from app.ratings.faulty import RatingMessage
from app.ratings.pace import Pace
from app.ratings.senders import partition_of
from app.ratings.sending import RatingSender, Sent, send_ratings
from app.topics import TopicSpec
from app.transports import RawRecord
from app.wire.ratings import RatingReader


class Check(NamedTuple):
    """One thing that was looked at. `mend` says what to do when it is not `ok`."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


class Trial(Protocol):
    """A topic of the trial's own on the broker."""

    spec: TopicSpec
    where: str
    sender: RatingSender

    async def state(self) -> TopicState:
        """Return the topic as the broker has it."""
        ...

    async def read(self, count: int) -> Sequence[RawRecord]:
        """Read by a group: `count` records, or until no more come; commit what was read."""
        ...

    async def ends(self) -> Mapping[int, int]: ...

    async def committed(self) -> Mapping[int, int]: ...


@dataclass
class Findings:
    """What a trial saw; `checks` is what it says."""

    spec: TopicSpec
    state: TopicState
    messages: Sequence[RatingMessage]
    sent: Sent
    records: Sequence[RawRecord]
    ends: Mapping[int, int]
    committed: Mapping[int, int]
    by_partition: dict[int, list[RawRecord]] = field(init=False)

    def __post_init__(self) -> None:
        self.by_partition = {each: [] for each in range(self.spec.partitions)}
        for record in self.records:
            self.by_partition.setdefault(record.partition, []).append(record)

    def checks(self, gate: RatingReader) -> list[Check]:
        return [
            self._configuration(),
            self._acknowledged(),
            self._valid(gate),
            self._partitions(),
            self._order(),
            self._offsets(),
            self._committed(),
            self._lag(),
        ]

    def _configuration(self) -> Check:
        differences = compare(self.spec, self.state)
        asked = ", ".join(f"{name}={value}" for name, value in self.spec.config.items())
        return Check(
            "configuration",
            not differences,
            "; ".join(differences) or f"{self.spec.partitions} partitions, {asked}",
            "the broker does not keep what it is asked for: look at its policies and defaults",
        )

    def _acknowledged(self) -> Check:
        sent, wanted = self.sent, len(self.messages)
        slowest = sent.latency_seconds(0.99)[0] * 1000
        why = "; ".join(sent.errors)
        return Check(
            "acknowledged",
            sent.acknowledged == wanted,
            f"{sent.acknowledged:,} of {wanted:,}, 99% within {slowest:.0f} ms {why}".rstrip(),
            "look at the broker's log: are all replicas in sync (min.insync.replicas)?",
        )

    def _valid(self, gate: RatingReader) -> Check:
        refused = [each for each in gate.read_all(self.records) if isinstance(each, Refusal)]
        valid, wanted = len(self.records) - len(refused), len(self.messages)
        first = f", {refused[0].rule}: {refused[0].detail}" if refused else ""
        return Check(
            "valid on receipt",
            valid == wanted and not refused,
            f"{valid:,} of {wanted:,}{first}",
            "events were lost, changed or repeated on the way: nothing else may use this topic",
        )

    def _partitions(self) -> Check:
        places: dict[bytes, set[int]] = {}
        for record in self.records:
            places.setdefault(record.key or b"", set()).add(record.partition)
        count = self.state.partitions
        wrong = [key for key, found in places.items() if found != {partition_of(key, count)}]
        return Check(
            "partition by key",
            bool(places) and not wrong,
            f"{len(places):,} keys, each on one partition, by murmur2"
            if not wrong
            else f"{len(wrong):,} keys elsewhere, as {wrong[0].decode(errors='replace')}",
            "another partitioner writes to the topic: every producer must use Kafka's default",
        )

    def _order(self) -> Check:
        wanted: dict[int, list[bytes]] = {each: [] for each in self.by_partition}
        for message in self.messages:
            wanted.setdefault(partition_of(message.key, self.state.partitions), []).append(
                message.value
            )
        wrong = [
            each
            for each, records in self.by_partition.items()
            if [record.value for record in records] != wanted.get(each, [])
        ]
        return Check(
            "order",
            not wrong,
            "as sent, in each partition"
            if not wrong
            else f"not as sent in partitions {', '.join(map(str, sorted(wrong)))}",
            "look for retries without idempotence, or a second producer",
        )

    def _offsets(self) -> Check:
        gaps = [
            each
            for each, records in self.by_partition.items()
            if [record.offset for record in records] != list(range(self.ends.get(each, -1)))
        ]
        return Check(
            "offsets",
            not gaps,
            f"without gaps to the ends, {sum(self.ends.values()):,} in all"
            if not gaps
            else f"gaps in partitions {', '.join(map(str, sorted(gaps)))}",
            "is the topic compacted, or written by transactions?",
        )

    def _committed(self) -> Check:
        wrong = [
            each
            for each, end in self.ends.items()
            if self.committed.get(each, 0) != end  # an empty partition need not be committed
        ]
        return Check(
            "committed offsets",
            not wrong,
            "equal the ends"
            if not wrong
            else f"differ from the ends in partitions {', '.join(map(str, sorted(wrong)))}",
            "look at the group coordinator in the broker's log",
        )

    def _lag(self) -> Check:
        lag = sum(end - self.committed.get(each, 0) for each, end in self.ends.items())
        return Check("lag", lag == 0, f"{lag:,}", "read on: answerloop ratings consume")


async def try_out(trial: Trial, messages: Sequence[RatingMessage]) -> Findings:
    """Send the messages, read them back, and return what was seen."""
    state, sent = await trial.state(), Sent()
    await send_ratings(iter(messages), trial.sender, sent, pace=Pace(None), stop=asyncio.Event())
    records = await trial.read(sent.acknowledged)
    ends, committed = await trial.ends(), await trial.committed()
    return Findings(trial.spec, state, messages, sent, records, ends, committed)


def check_topic(spec: TopicSpec, found: TopicState | None) -> Check:
    """Compare a topic of the pipeline with the table of topics."""
    name = f"topic {spec.name}"
    if found is None:
        return Check(name, False, "is not there", "answerloop topics create")
    differences = compare(spec, found)
    config = ", ".join(f"{key}={value}" for key, value in spec.config.items())
    return Check(
        name,
        not differences,
        "; ".join(differences) or f"{spec.partitions} partitions, {config}",
        "partitions can't be changed: use another TOPIC_PREFIX and APP_ID"
        if any(each.startswith("partitions") for each in differences)
        else "kafka-configs --alter --add-config NAME=VALUE, as docs/topics.md has them",
    )

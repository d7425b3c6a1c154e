"""Consumer groups: where each stands, how far behind it is, and setting that anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.questions import timestamp
from app.errors import InputError, NotFoundError
from app.inspection.reader import GroupActive, GroupState, Member, Span, TopicReader
from app.transports.embedded.storage import PartitionKey

_FIRST_RECORD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A partition of a group, as `kafka-consumer-groups --describe` shows it.

    `current` and `lag` are None where nothing was committed, `end` where the topic is gone.
    `oldest_at` (Unix seconds) is the time of the first record that is not acknowledged.
    """

    group: str
    topic: str
    partition: int
    current: int | None
    end: int | None
    lag: int | None
    member: Member | None
    oldest_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        member = self.member
        return {
            "group": self.group,
            "topic": self.topic,
            "partition": self.partition,
            "current_offset": self.current,
            "log_end_offset": self.end,
            "lag": self.lag,
            "consumer_id": member.member_id if member else None,
            "host": member.host if member else None,
            "client_id": member.client_id if member else None,
            "oldest_at": timestamp(self.oldest_at),
        }


async def known_group(reader: TopicReader, name: str) -> GroupState:
    """Return a group. Raises NotFoundError when the broker has none of that name."""
    state = await reader.group(name)
    if state.state == "Dead" and not await reader.committed(name):
        raise NotFoundError(f"{reader.where} has no group {name}; see answerloop groups list")
    return state


async def group_rows(
    reader: TopicReader, state: GroupState, *, ages: bool = False
) -> list[GroupRow]:
    """Return each partition that the group has committed, or that a member has, in order.

    `ages` also reads the first record that is not acknowledged of each partition.
    """
    committed = await reader.committed(state.name)
    members = {tp: member for member in state.members for tp in member.partitions}
    there = set(await reader.topics())
    listed = sorted(committed.keys() | members.keys())
    spans = await reader.spans([tp for tp in listed if tp[0] in there])
    oldest = await _oldest(reader, committed, spans) if ages else {}
    rows = []
    for tp in listed:
        span, current = spans.get(tp), committed.get(tp)
        lag = None if span is None or current is None else max(0, span.end - current)
        rows.append(
            GroupRow(
                state.name,
                *tp,
                current,
                None if span is None else span.end,
                lag,
                members.get(tp),
                oldest.get(tp),
            )
        )
    return rows


async def _oldest(
    reader: TopicReader, committed: Mapping[PartitionKey, int], spans: Mapping[PartitionKey, Span]
) -> dict[PartitionKey, float]:
    """Return the time of the first record from each committed offset on, where there is one."""
    places = {
        tp: max(at, spans[tp].start)
        for tp, at in committed.items()
        if tp in spans and at < spans[tp].end
    }
    if not places:
        return {}
    reading = await reader.read(places)
    found: dict[PartitionKey, float] = {}
    left = set(places)
    while left:
        records = await reading.fetch(left, 1, _FIRST_RECORD_SECONDS)
        found |= {tp: run[0].timestamp for tp, run in records.items() if run}
        if not records and all(reading.positions[tp] < spans[tp].end for tp in left):
            break  # the age of a partition that gives nothing stays unknown
        left = {tp for tp in left - found.keys() if reading.positions[tp] < spans[tp].end}
    return found


@dataclass(frozen=True, slots=True)
class Move:
    """What a reset does to one partition."""

    topic: str
    partition: int
    current: int | None
    new: int

    @property
    def change(self) -> int:
        """Records that are read again (negative) or never (positive); 0 without an old offset."""
        return 0 if self.current is None else self.new - self.current

    def as_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "partition": self.partition,
            "current_offset": self.current,
            "new_offset": self.new,
            "change": self.change,
        }


def refuse_active(state: GroupState) -> None:
    """Raise GroupActive, naming who is in the group, when somebody may be."""
    if state.active:
        names = ", ".join(f"{m.client_id} at {m.host}" for m in state.members[:5])
        raise GroupActive(
            f"group {state.name} is {state.state}"
            + (f" ({len(state.members)} members: {names})" if names else "")
            + ": offsets can be set only while nobody is in it; stop its workers first"
        )


async def plan_reset(
    reader: TopicReader,
    state: GroupState,
    to: str | int | float,
    topics: Sequence[str],
    partitions: Sequence[int],
) -> list[Move]:
    """Return what a reset would do.

    `to` is `earliest`, `latest`, an offset (int) or a time (float, Unix seconds).

    Without topics those that the group has committed. An offset beyond the partition becomes its
    start or end. Raises GroupActive, InputError, TopicMissing.
    """
    refuse_active(state)
    committed = await reader.committed(state.name)
    if partitions and len(topics) != 1:
        raise InputError("needs one --topic", field="--partition")
    names = list(dict.fromkeys(topics)) or sorted({tp[0] for tp in committed})
    known = await reader.partitions(names)
    if wrong := [n for n in partitions if (names[0], n) not in known]:
        raise InputError(f"{names[0]} has no partition {wrong[0]}", field="--partition")
    chosen = [tp for tp in known if not partitions or tp[1] in partitions]
    spans = await reader.spans(chosen)
    targets = await reader.offsets_at(chosen, to) if isinstance(to, float) else {}
    moves = []
    for tp in chosen:
        new = _target(to, spans[tp], targets.get(tp))
        moves.append(Move(tp[0], tp[1], committed.get(tp), new))
    return moves


def _target(to: str | int | float, span: Span, at_time: int | None) -> int:
    if at_time is not None:
        return at_time
    if isinstance(to, int):
        return min(max(to, span.start), span.end)
    return span.start if to == "earliest" else span.end


async def apply_reset(reader: TopicReader, group: str, moves: Sequence[Move]) -> None:
    """Set the offsets. Raises GroupActive when somebody has joined meanwhile."""
    await reader.commit(group, {(move.topic, move.partition): move.new for move in moves})

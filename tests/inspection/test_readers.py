"""What readers say of a broker: the same on a log in memory, a log in files, and Kafka."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.errors import NotFoundError
from app.inspection.groups import apply_reset, group_rows, known_group, plan_reset
from app.inspection.lag import group_lag
from app.inspection.log_reader import LogReader
from app.inspection.reader import GroupActive, Span, TopicMissing
from app.transports import NewRecord
from app.transports.embedded.memory import MemoryStorage
from tests.inspection.conftest import Broker

BEGAN = 1_700_000_000.0


async def fill(broker: Broker, topic: str) -> None:
    """Send 5 records to partition 0 and 3 to partition 1, each a second after the other."""
    await broker.create(topic, 3)
    for n in range(8):
        key = b"even" if n % 2 == 0 else None
        await broker.send(NewRecord(topic, n // 5, key, b"%d" % n, BEGAN + n))


async def test_offsets_sizes_and_the_records_of_a_key(broker: Broker, topic: str) -> None:
    await fill(broker, topic)
    reader = broker.reader
    tps = await reader.partitions([topic])
    assert tps == [(topic, 0), (topic, 1), (topic, 2)]
    assert topic in await reader.topics()
    spans = await reader.spans(tps)
    assert list(spans.values()) == [Span(0, 5), Span(0, 3), Span(0, 0)]
    at = await reader.offsets_at(tps, BEGAN + 3)
    assert list(at.values()) == [3, 0, 0]
    assert list((await reader.offsets_at(tps, BEGAN + 100)).values()) == [5, 3, 0]
    found = [record async for _, part in reader.find(b"even", spans) for record in part]
    assert sorted((r.partition, r.offset, r.value) for r in found) == [
        (0, 0, b"0"),
        (0, 2, b"2"),
        (0, 4, b"4"),
        (1, 1, b"6"),
    ]
    part = {(topic, 0): Span(1, 4)}
    assert [r.offset async for _, rs in reader.find(b"even", part) for r in rs] == [2]
    assert sorted(await reader.values(topic)) == [b"%d" % n for n in range(8)]
    assert (await reader.sizes([topic]))[topic] > 0
    assert [state.span for state in await reader.describe(topic)] == list(spans.values())
    with pytest.raises(TopicMissing, match="nowhere"):
        await reader.partitions([topic, "nowhere"])


async def test_a_group_is_described_with_lag_and_the_age_of_what_waits(
    broker: Broker, topic: str
) -> None:
    await fill(broker, topic)
    group = f"g{uuid4().hex[:8]}"
    with pytest.raises(NotFoundError, match=group):
        await known_group(broker.reader, group)
    await broker.commit(group, {(topic, 0): 2, (topic, 1): 3})
    state = await known_group(broker.reader, group)
    assert not state.active
    assert group in {each.name for each in await broker.reader.groups()}
    rows = await group_rows(broker.reader, state, ages=True)
    assert [(r.partition, r.current, r.end, r.lag, r.oldest_at) for r in rows] == [
        (0, 2, 5, 3, BEGAN + 2),
        (1, 3, 3, 0, None),
    ]
    lag = group_lag(state, rows)
    assert (lag.late, lag.topics[0].oldest_at) == (3, BEGAN + 2)
    assert await broker.reader.lag(group, [topic]) == {f"{topic}/0": 3}


async def test_offsets_are_planned_then_set(broker: Broker, topic: str) -> None:
    await fill(broker, topic)
    group = f"g{uuid4().hex[:8]}"
    await broker.commit(group, {(topic, 0): 2, (topic, 1): 3})
    state = await known_group(broker.reader, group)

    async def plan(to: str | int | float, *partitions: int) -> list[tuple[int, int | None, int]]:
        topics = [topic] if partitions else []
        moves = await plan_reset(broker.reader, state, to, topics, partitions)
        return [(move.partition, move.current, move.new) for move in moves]

    assert await plan("earliest") == [(0, 2, 0), (1, 3, 0), (2, None, 0)]
    assert await plan("latest", 0) == [(0, 2, 5)]
    assert await plan(4) == [(0, 2, 4), (1, 3, 3), (2, None, 0)]
    assert await plan(BEGAN + 6.0, 1) == [(1, 3, 1)]
    committed = await broker.reader.committed(group)
    assert committed == {(topic, 0): 2, (topic, 1): 3}, "a plan changes nothing"

    if type(broker.reader).__name__ == "LogReader" and getattr(broker.reader, "_owned", False):
        return  # its engine is this test: test_commands.py sets offsets without one
    await apply_reset(
        broker.reader, group, await plan_reset(broker.reader, state, "latest", [topic], [0])
    )
    assert await broker.reader.committed(group) == {(topic, 0): 5, (topic, 1): 3}


async def test_a_group_of_a_log_with_an_engine_is_in_use() -> None:
    log = MemoryStorage()
    log.create_topic("t", 1)
    await log.commit("g", {("t", 0): 0})
    reader = LogReader(log, "the log", engine="http://127.0.0.1:6066", owned=False)
    state = await known_group(reader, "g")
    assert [member.partitions for member in state.members] == [frozenset({("t", 0)})]
    with pytest.raises(GroupActive, match="Stable"):
        await plan_reset(reader, state, "earliest", [], [])


async def test_offsets_that_compaction_left_empty_are_passed() -> None:
    log = MemoryStorage()
    log.create_topic("t", 1)
    for n in range(6):
        log.append_now(NewRecord("t", 0, b"k", b"%d" % n))
    log._records["t", 0][:] = [r for r in log._records["t", 0] if r.offset in (1, 3)]
    assert await LogReader(log, "memory", owned=False).values("t") == [b"1", b"3"]

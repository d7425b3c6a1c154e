"""`topics tail`: where it begins, in which order it goes, what fits, and that it stays small."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from typing import Any

import pytest

from app.errors import InputError
from app.inspection.decoding import TopicDecoder
from app.inspection.filters import condition
from app.inspection.log_reader import LogReader
from app.inspection.tailing import Seen, Tail, Wanted
from app.settings import load_settings
from app.transports import NewRecord
from app.transports.embedded.memory import MemoryStorage
from app.wire import WireGate
from models.questions import QuestionSettled
from tests.inspection.conftest import Broker

BEGAN = 1_700_000_000.0
SETTLED = WireGate(QuestionSettled)


async def read(broker: Broker, wanted: Wanted) -> list[Seen]:
    decoder = TopicDecoder(load_settings(), wanted.topic)
    tail = Tail(broker.reader, decoder, wanted)
    return [seen async for chunk in tail.run(asyncio.Event()) for seen in chunk]


async def values(broker: Broker, topic: str, **wanted: Any) -> list[bytes | None]:
    found = await read(broker, Wanted(topic, follow=False, **wanted))
    return [seen.record.value for seen in found]


async def test_it_begins_and_ends_where_it_is_told_in_the_order_of_the_times(
    broker: Broker, topic: str
) -> None:
    await broker.create(topic, 3)
    for n in range(60):
        await broker.send(NewRecord(topic, n % 7 % 3, b"k%d" % (n % 2), b"%d" % n, BEGAN + n))
    every = [b"%d" % n for n in range(60)]
    assert await values(broker, topic) == every
    assert await values(broker, topic, offset="end") == []
    assert await values(broker, topic, from_time=BEGAN + 30, until=BEGAN + 40) == every[30:40]
    last = [max(n for n in range(60) if n % 7 % 3 == p) for p in range(3)]
    assert await values(broker, topic, offset="-1") == [b"%d" % n for n in sorted(last)]
    second = [n for n in range(60) if n % 7 % 3 == 1]
    assert await values(broker, topic, partition=1) == [b"%d" % n for n in second]
    assert await values(broker, topic, partition=1, offset="5") == [b"%d" % n for n in second[5:]]
    assert await values(broker, topic, key=b"k1") == every[1::2]
    with pytest.raises(InputError, match="partitions 0 to 2"):
        await values(broker, topic, partition=3)


async def test_what_comes_later_is_followed_until_it_is_stopped(broker: Broker, topic: str) -> None:
    await broker.create(topic, 2)
    await broker.send(NewRecord(topic, 0, None, b"before"))
    stop, found = asyncio.Event(), []
    tail = Tail(broker.reader, TopicDecoder(load_settings(), topic), Wanted(topic))
    async with asyncio.timeout(30):
        async for chunk in tail.run(stop):
            found += [seen.record.value for seen in chunk]
            if chunk and found == [b"before"]:
                await broker.send(NewRecord(topic, 1, None, b"after"))
            if b"after" in found:
                stop.set()
    assert found == [b"before", b"after"]


async def test_an_offset_beyond_the_end_of_a_partition_is_waited_for(
    broker: Broker, topic: str
) -> None:
    await broker.create(topic, 2)
    for n in range(4):
        await broker.send(NewRecord(topic, 0, None, b"long %d" % n))
    await broker.send(NewRecord(topic, 1, None, b"short"))
    stop, found = asyncio.Event(), []
    tail = Tail(broker.reader, TopicDecoder(load_settings(), topic), Wanted(topic, offset="3"))
    async with asyncio.timeout(30):
        async for chunk in tail.run(stop):
            found += [seen.record.value for seen in chunk]
            if chunk and found == [b"long 3"]:
                for n in range(1, 4):  # offsets 1 to 3
                    await broker.send(NewRecord(topic, 1, None, b"later %d" % n))
            if b"later 3" in found:
                stop.set()
    assert found == [b"long 3", b"later 3"]


async def test_a_time_to_come_is_waited_for(broker: Broker, topic: str) -> None:
    await broker.create(topic, 1)
    async with asyncio.timeout(20):
        until = time.time() + 0.3
        found = await read(broker, Wanted(topic, until=until))
        assert found == []
        assert time.time() >= until


async def test_what_is_of_a_later_time_than_wanted_is_left_out() -> None:
    log = MemoryStorage()
    log.create_topic("t", 1)
    until = time.time() + 0.4

    class Memory:
        reader = LogReader(log, "memory", owned=False)

    asyncio.get_running_loop().call_later(0.1, log.append_now, NewRecord("t", 0, None, b"now"))
    later = NewRecord("t", 0, None, b"later", until + 100)
    asyncio.get_running_loop().call_later(0.1, log.append_now, later)
    async with asyncio.timeout(20):
        found = await read(Memory(), Wanted("t", until=until))  # type: ignore[arg-type]
    assert [seen.record.value for seen in found] == [b"now"]


async def test_a_record_that_comes_between_two_looks_is_not_passed_over() -> None:
    class Racing(MemoryStorage):
        """Something is appended right after each look that found nothing."""

        def read(self, tp: Any, offset: int, limit: int) -> list[Any]:
            found = super().read(tp, offset, limit)
            if not found:
                self.append_now(NewRecord("t", 0, None, b"late"))
            return found

    log = Racing()
    log.create_topic("t", 1)
    reading = await LogReader(log, "memory", owned=False).read({("t", 0): 0})
    async with asyncio.timeout(20):
        found = await reading.fetch([("t", 0)], 10, 5.0)
    assert [record.offset for record in found["t", 0]] == [0]


def settled(question_id: str, status: str) -> tuple[bytes, bytes]:
    value = SETTLED.encode_fields(
        {"question_id": question_id, "round": 0, "status": status, "settled_at": BEGAN}
    )
    return question_id.encode(), value


async def test_records_are_decoded_as_by_the_pipeline_and_filtered() -> None:
    log = MemoryStorage()
    log.create_topic("questions-settled", 1)
    for key, value in [
        settled("a", "validated"),
        settled("b", "dead"),
        (b"other", settled("c", "dead")[1]),
        (b"d", b"\xff{"),
        (b"e", None),
    ]:
        log.append_now(NewRecord("questions-settled", 0, key, value))

    class Memory:
        reader = LogReader(log, "memory", owned=False)

    async def offsets(**wanted: Any) -> list[int]:
        found = await read(Memory(), Wanted("questions-settled", follow=False, **wanted))  # type: ignore[arg-type]
        return [seen.record.offset for seen in found]

    assert await offsets(conditions=(condition("status=dead"),)) == [1]
    assert await offsets(conditions=(condition("status~AT"), condition("round=0"))) == [0]
    assert await offsets(bad_only=True) == [2, 3, 4]
    found = await read(Memory(), Wanted("questions-settled", follow=False))  # type: ignore[arg-type]
    assert [seen.problem is None for seen in found] == [True, True, False, False, False]
    assert "not the question id" in (found[2].problem or "")
    raw = await read(Memory(), Wanted("questions-settled", follow=False, raw=True))  # type: ignore[arg-type]
    assert [seen.problem for seen in raw] == [None] * 5


@pytest.mark.parametrize("offset", ["first", "1.5", "--1", "", "٣"])
def test_an_offset_that_is_none_is_refused(offset: str) -> None:
    with pytest.raises(InputError, match="no offset"):
        Wanted("t", offset=offset)


async def test_fifty_thousand_records_are_read_with_the_memory_of_a_few(topic: str) -> None:
    log = MemoryStorage()
    log.create_topic(topic, 4)
    value = b"x" * 1000  # one object: what the log itself holds is not what is measured
    for n in range(50_000):
        log.append_now(NewRecord(topic, n % 7 % 4, b"k", value, BEGAN + n))
    tail = Tail(
        LogReader(log, "memory", owned=False),
        TopicDecoder(load_settings(), topic),
        Wanted(topic, follow=False),
    )
    tracemalloc.start()
    try:
        count = 0
        async for chunk in tail.run(asyncio.Event()):
            assert len(chunk) <= 1000
            times = [seen.record.timestamp for seen in chunk]
            assert times == [BEGAN + n for n in range(count, count + len(chunk))]
            count += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == tail.read == 50_000
    assert peak < 3_000_000

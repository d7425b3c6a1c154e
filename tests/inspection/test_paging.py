"""Pages of a topic: nothing twice, nothing left out, and never more than was allowed."""

from __future__ import annotations

import random
from dataclasses import replace

from app.inspection.decoding import TopicDecoder
from app.inspection.filters import condition
from app.inspection.log_reader import LogReader
from app.inspection.message_rows import MOST_BYTES, row_judge, whole
from app.inspection.paging import Bounds, Page, read_page
from app.inspection.reader import TopicReader
from app.settings import load_settings
from app.topics import topic_names
from app.transports import NewRecord, RawRecord
from app.transports.embedded.memory import MemoryStorage
from tests.inspection.conftest import Broker

BEGAN = 1_700_000_000.0
BOUNDS = Bounds(rows=7, records=1000, bytes=10_000_000, seconds=20.0)


async def page(
    reader: TopicReader,
    topic: str,
    cut: dict[int, int] | None = None,
    *,
    older: bool = True,
    bounds: Bounds = BOUNDS,
    wanted: bytes | None = None,
) -> Page[tuple[int, int]]:
    """Read a page of (partition, offset); `wanted` is the value that is looked for."""

    def judge(record: RawRecord) -> tuple[int, int] | None:
        return (record.partition, record.offset) if wanted in (None, record.value) else None

    spans = await reader.spans(await reader.partitions([topic]))
    cut = {tp[1]: span.end for tp, span in spans.items()} if cut is None else cut
    return await read_page(reader, topic, spans, cut, judge, bounds, older=older)


async def test_pages_lead_from_the_newest_to_the_first_and_back(broker: Broker, topic: str) -> None:
    await broker.create(topic, 3)
    placed = []
    for n in range(40):
        partition = 0 if n % 5 else 2  # partition 1 stays empty
        placed.append(partition)
        await broker.send(NewRecord(topic, partition, b"k", b"%d" % n, BEGAN + n))
    in_time = [(p, placed[:n].count(p)) for n, p in enumerate(placed)]
    pages, cut = [], None
    while not pages or pages[-1].left:
        pages.append(await page(broker.reader, topic, cut))
        cut = pages[-1].low
        await broker.send(NewRecord(topic, 1, b"k", b"new", BEGAN + 1000))
    assert [row for each in pages for row in each.rows] == in_time[::-1]
    assert [len(each.rows) for each in pages] == [7, 7, 7, 7, 7, 5]
    back = pages[-1]
    for before in pages[-2::-1]:
        back = await page(broker.reader, topic, back.high, older=False)
        assert back.rows == before.rows
    newer = await page(broker.reader, topic, pages[0].high, older=False)
    assert newer.rows == [(1, n) for n in reversed(range(len(pages)))]
    assert newer.left == 0


async def test_a_search_is_bounded_and_goes_on_where_it_ended(broker: Broker, topic: str) -> None:
    await broker.create(topic, 2)
    for n in range(60):
        value = b"hit" if n in (3, 31, 58) else b"miss"
        await broker.send(NewRecord(topic, n % 2, None, value, BEGAN + n))
    bounds = replace(BOUNDS, records=25)
    found, looked, cut, lefts = [], 0, None, []
    while not lefts or lefts[-1]:
        part = await page(broker.reader, topic, cut, bounds=bounds, wanted=b"hit")
        assert part.looked <= 25
        found += part.rows
        looked, cut = looked + part.looked, part.low
        lefts.append(part.left)
    assert found == [(0, 29), (1, 15), (1, 1)]
    assert (looked, lefts) == (60, [35, 10, 0])


async def test_a_step_of_large_values_is_no_longer_than_they_allow() -> None:
    log = MemoryStorage()
    log.create_topic("t", 1)
    for n in range(200):
        log.append_now(NewRecord("t", 0, None, b"x" * 200_000, BEGAN + n))
    reader = LogReader(log, "memory", owned=False)
    bounds = replace(BOUNDS, rows=150, bytes=20_000_000)
    found = await page(reader, "t", bounds=bounds)
    assert 100 <= len(found.rows) <= 110, "20 MB, and one step of 2 MB at most"
    assert found.left == 200 - len(found.rows)


async def test_a_partition_that_is_behind_in_reading_is_waited_for() -> None:
    dice, log = random.Random(3), MemoryStorage()
    log.create_topic("t", 3)
    placed = []
    for n in range(400):
        kept = log.append_now(NewRecord("t", dice.choice((0, 0, 0, 1, 2)), None, b"v", BEGAN + n))
        placed.append((kept.partition, kept.offset))
    reader, bounds = LogReader(log, "memory", owned=False), replace(BOUNDS, rows=300)
    assert (await page(reader, "t", bounds=bounds)).rows == placed[:-301:-1]
    first = await page(reader, "t", {0: 0, 1: 0, 2: 0}, older=False, bounds=bounds)
    assert first.rows == placed[299::-1]


async def test_whatever_the_times_and_gaps_every_record_is_on_one_page() -> None:
    for seed in range(30):
        dice = random.Random(seed)
        log = MemoryStorage()
        partitions = dice.randint(1, 4)
        log.create_topic("t", partitions)
        for _ in range(dice.randint(0, 120)):
            when = BEGAN + dice.randint(0, 20)
            log.append_now(NewRecord("t", dice.randrange(partitions), None, b"v", when))
        for records in log._records.values():  # as compaction leaves it
            records[:] = [each for each in records if dice.random() < 0.3]
        reader = LogReader(log, "memory", owned=False)
        older, bounds = dice.random() < 0.5, replace(BOUNDS, rows=dice.randint(1, 20))
        cut = {n: log.end(("t", n)) if older else 0 for n in range(partitions)}
        rows, left = [], 1
        while left:
            part = await page(reader, "t", cut, older=older, bounds=bounds)
            rows += part.rows
            cut, left = (part.low if older else part.high), part.left
        there = {(tp[1], each.offset) for tp, run in log._records.items() for each in run}
        assert sorted(rows) == sorted(there), seed


def record(value: bytes | None, *, key: bytes | None = b"q1", topic: str = "t") -> RawRecord:
    return RawRecord(
        topic, 0, 5, BEGAN, {"trace": b"\xff\x00", "lang": "español".encode()}, key, value
    )


def test_bytes_of_any_kind_are_told_as_what_they_are() -> None:
    settings = load_settings()
    decoder = TopicDecoder(settings, "t")
    judge = row_judge(decoder)
    line = judge(record(b"\xff\xfe<script>", key=b"\x00\xff"))
    assert line is not None
    assert (line["key"], line["key_hex"], line["headers"]) == (None, "00 ff", 2)
    assert line["summary"] == "0xfffe3c7363726970743e"
    full = whole(record("ñ".encode() * MOST_BYTES), decoder)
    assert full["cut"]
    assert full["value"] == "ñ" * (MOST_BYTES // 2)
    assert full["headers"][0] == {"name": "trace", "value": None, "value_base64": "/wA="}
    assert full["headers"][1]["value"] == "español"
    assert whole(record(None), decoder)["value"] is None


def test_a_record_that_does_not_fit_says_why_and_shows_its_bytes() -> None:
    settings = load_settings()
    decoder = TopicDecoder(settings, topic_names(settings).llm_requests)
    bad = record(b'{"type": "LlmRequest"', topic=decoder.topic)
    full = whole(bad, decoder)
    assert full["problem"]
    assert full["question_id"] is None
    assert full["value"] == '{"type": "LlmRequest"'
    assert full["value_base64"] == "eyJ0eXBlIjogIkxsbVJlcXVlc3Qi"
    assert row_judge(decoder, bad_only=True)(bad) is not None
    assert row_judge(decoder, conditions=[condition("attempt!=1")])(bad) is None
    assert row_judge(decoder, key=b"other")(bad) is None

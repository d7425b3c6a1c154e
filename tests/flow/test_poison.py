"""Bad messages: dead-lettered with origin and bytes; the rest goes on, no agent restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from app.core.lifecycle import Status
from app.core.redrive import Refusal, Refused
from app.letters.plans import Rules
from app.letters.preparing import Preparer
from app.wire import WireGate
from models.questions import Question
from tests.flow.engine import Engine, make_ports, poll, question, running
from tests.wire.poison import GOOD, poisons


def refuse_large(engine: Engine, monkeypatch: pytest.MonkeyPatch, topic: str, limit: int) -> None:
    """Let a topic take no message over `limit` bytes, as Kafka refuses them: later, by a future."""
    context = engine.context
    append = context.append

    async def checked(to: str, key: str, record: Any, headers: Any = None) -> Awaitable[Any]:
        value, _ = context.channel(to).prepare_value(record, None)
        if to != topic or len(value) <= limit:
            return await append(to, key, record, headers)
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(MessageSizeTooLargeError())
        return refused

    monkeypatch.setattr(context, "append", checked)


async def test_a_dead_letter_that_its_topic_does_not_take_is_cut_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(make_ports(), partitions=1) as engine:
        refuse_large(engine, monkeypatch, engine.names.dead_letters, 200_000)
        poison = b"x" * 900_000
        await engine.send_raw(engine.names.questions_pending, b"large", poison)
        [letter] = await letters(engine, 1)
        after = question("After that?")
        await engine.submit(after)
        assert (await engine.final(after.question_id)).status is Status.VALIDATED
        await engine.idle()
    assert letter.value is not None
    assert letter.value == poison[: len(letter.value)]
    assert 70_000 < len(letter.value) < 150_000
    assert letter.detail.count("the topic takes no larger message") == 1
    decision = Preparer(Rules(engine.names, 60.0, "ratings"), time.time).decide(letter, None)
    assert decision == Refused(Refusal.CUT), "half a message is not sent again"


async def test_a_message_that_its_topic_does_not_take_ends_as_a_dead_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(make_ports(), partitions=1) as engine:
        refuse_large(engine, monkeypatch, engine.names.llm_requests, 5_000)
        large, small = question("Why? " * 2_000), question("Why?")
        await engine.submit(large)
        await engine.submit(small)
        assert (await engine.final(small.question_id)).status is Status.VALIDATED
        row = await engine.final(large.question_id)
        await engine.idle()
    assert (row.status, row.cause) == (Status.DEAD, "internal_error")
    [letter] = await letters(engine, 1)
    assert "takes no message of this size" in letter.detail


async def letters(engine: Engine, count: int) -> list:
    """Return the stored dead letters once there are `count`."""

    async def enough() -> list | None:
        found = await engine.ports.store.dead_letters(limit=100_000)
        return found if len(found) >= count else None

    return await poll(enough)


async def test_five_bad_messages_among_a_hundred_good_ones() -> None:
    bad = [b"not json", b"", b'{"type":"answerloop.Question"}', b"\xff\xfe", b"[" * 100_000]
    async with running(make_ports()) as engine:
        before = engine.actors()
        asked = [question(f"Question {n}?") for n in range(100)]
        topic = engine.names.questions_pending
        for n, each in enumerate(asked):
            if n % 20 == 10:
                await engine.send_raw(topic, b"bad%d" % n, bad[n // 20])
            await engine.submit(each)
        rows = await engine.finals(*asked)
        found = await letters(engine, 5)
        await engine.idle()
        raw = {(m.topic, m.partition, m.offset): m.value for m in engine.messages(topic)}
        assert engine.actors() == before, "no agent was restarted"
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(found) == 5
    assert {letter.value for letter in found} == set(bad)
    for letter in found:
        origin = (letter.origin_topic, letter.origin_partition, letter.origin_offset)
        assert letter.value == raw[origin]
        assert letter.cause == "rejected"
        assert letter.detail


@pytest.mark.parametrize("topic", GOOD)
async def test_poison_of_every_kind_on_every_topic(topic: str) -> None:
    """Each poison is stored once as a dead letter, and a question asked after it is answered."""
    sent = {
        name: message
        for name, message in poisons(topic).items()
        if "10 MB" not in name or name == "10 MB of JSON"
    }
    async with running(make_ports(), partitions=1) as engine:
        before = engine.actors()
        name = getattr(engine.names, topic)
        for key, value in sent.values():
            await engine.send_raw(name, key, value)
        after = question("After all that?")
        started = time.monotonic()
        await engine.submit(after)
        row = await engine.final(after.question_id)
        assert time.monotonic() - started < 10
        found = await letters(engine, len(sent))
        await engine.idle()
        assert engine.actors() == before, "no agent was restarted"
        counts = await engine.ports.store.counts()
    assert row.status is Status.VALIDATED
    assert counts == {Status.VALIDATED: 1}, "poison makes no question"
    assert sorted(letter.origin_offset for letter in found) == list(range(len(sent)))
    assert {letter.origin_topic for letter in found} == {name}
    by_offset = {letter.origin_offset: letter for letter in found}
    for offset, (key, value) in enumerate(sent.values()):
        letter = by_offset[offset]
        assert letter.value == (value if value is None else value[:1_000_000])
        assert letter.key == (key if key is None else key[:1_000])


async def test_the_longest_question_that_fits_is_answered_or_dies_whole() -> None:
    """A message near the size limit still fits into a dead letter, with its question."""
    metadata = {"padding": "x" * 1_800_000}
    async with running(make_ports(), partitions=1) as engine:
        before = engine.actors()
        forged = question("Why?", generation=99, metadata=metadata)
        await engine.submit(forged)
        row = await engine.final(forged.question_id)
        assert engine.actors() == before
    assert (row.status, row.cause) == (Status.DEAD, "anti_cycle")
    assert row.metadata == metadata


async def test_a_question_that_can_not_be_written_again_leaves_its_bytes() -> None:
    """Numbers that grow when they are written: the worst that fits in is too large to send on."""
    question_id = "q1"
    plain = question("Why?", question_id=question_id, metadata={"n": "@@"})
    numbers = b"[" + b",".join([b"1e15"] * 380_000) + b"]"
    value = WireGate(Question).encode(plain).replace(b'"@@"', numbers)
    async with running(make_ports(), partitions=1) as engine:
        before = engine.actors()
        await engine.send_raw(engine.names.questions_pending, question_id.encode(), value)
        [letter] = await letters(engine, 1)
        after = question("After that?")
        await engine.submit(after)
        assert (await engine.final(after.question_id)).status is Status.VALIDATED
        assert engine.actors() == before
    assert letter.cause == "internal_error"
    assert letter.value == value[:1_000_000]

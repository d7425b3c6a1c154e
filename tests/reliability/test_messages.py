"""M1: at least 60 poison messages, 1 among 10 good ones, on every topic; embedded log and Kafka.

All of them are kept as dead letters with origin and bytes, the good messages do not wait for them,
no agent restarts. The kinds are those of `tests/wire/poison.py`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from agents.questions import admit, ask, hold, judge, persist, route
from app.adapters.llm.memory import ScriptedModel
from app.topics import MAX_MESSAGE_BYTES
from app.wire import Arrival
from tests.flow.engine import Engine, make_ports, poll
from tests.reliability.pipeline import pipeline
from tests.servers.kafka import KafkaServer
from tests.wire.poison import GOOD, good_bytes, poisons

Where = tuple[str, int, int]
Send = Callable[[str, bytes | None, bytes | None, int | None], Awaitable[None]]

AT_LEAST = 60
GOOD_FOR_EACH = 10
P99_SECONDS = 0.1
PAUSE_SECONDS = 0.05
#: Topics that get their messages at the same time.
AT_ONCE = 3
#: Good messages are about this many questions of their topic: most are redeliveries.
QUESTIONS = 30
#: Rounds of good messages alone, to know what they take without poison.
ALONE = 20
MAX_ORIGINAL_BYTES = 1_000_000
STAGES = (admit, ask, route, hold, judge, persist)


class Watched:
    """When each good message reached its stage, beside when the log took it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.delays: list[float] = []
        self.watching = False
        for stage in STAGES:
            monkeypatch.setattr(stage, "handle", self._watch(stage.handle))

    def _watch(self, handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def watched(*arguments: Any) -> None:
            last = arguments[-1]
            now = time.time()
            for arrival in [last] if isinstance(last, Arrival) else last:
                if self.watching:
                    self.delays.append(now - arrival.timestamp)
            await handle(*arguments)

        return watched

    def p99(self) -> float:
        """Return the delay that 99 % stay below, and begin anew."""
        found = sorted(self.delays)[int(len(self.delays) * 0.99)]
        self.delays = []
        return found


def _poison(topic: str, largest: int) -> list[tuple[bytes | None, bytes | None]]:
    """Return at least 60 messages: each kind there is for a topic, that a log takes; then again."""
    kinds = [m for m in poisons(topic).values() if len(m[0] or b"") + len(m[1] or b"") < largest]
    found = list(kinds)
    while len(found) < AT_LEAST:
        key, value = kinds[len(found) % len(kinds)]
        found.append((key, value))
    return found


def _good(topic: str, number: int) -> tuple[bytes, bytes]:
    """Return a good message of a topic, about a question of its own."""
    fields = json.loads(good_bytes(topic))
    question_id = f"good-{topic}-{number % QUESTIONS}"
    if "question_id" in fields:
        fields["question_id"] = question_id
    if "accepted_at" in fields:
        fields["accepted_at"] = time.time()
    if topic == "dead_letters":
        fields["origin_offset"] = number
    return question_id.encode(), json.dumps(fields).encode()


async def _send_all(
    engine: Engine, send: Send, topic: str, largest: int
) -> list[tuple[bytes | None, bytes | None]]:
    """Send ten good messages and one of poison, again and again; return the poison."""
    name, sent = getattr(engine.names, topic), _poison(topic, largest)
    for step, (key, value) in enumerate(sent):
        await send(name, key, value, (0, 253_402_300_799_000, None)[step % 3])
        await _send_good(send, name, topic, step)
    return sent


async def _send_good(send: Send, name: str, topic: str, step: int) -> None:
    for number in range(GOOD_FOR_EACH):
        await send(name, *_good(topic, step * GOOD_FOR_EACH + number), None)
    await asyncio.sleep(PAUSE_SECONDS)


async def _rejected(engine: Engine, count: int) -> list[Any]:
    async def enough() -> list[Any] | None:
        found = await engine.ports.store.dead_letters(limit=1_000_000)
        rejected = [letter for letter in found if letter.cause == "rejected"]
        return rejected if len(rejected) >= count else None

    found: list[Any] = await poll(enough, 60, pause=0.05)
    return found


def _as_kept(
    sent: list[tuple[bytes | None, bytes | None]],
) -> Counter[tuple[bytes | None, bytes | None]]:
    return Counter(
        (
            None if key is None else key[:1_000],
            None if value is None else value[:MAX_ORIGINAL_BYTES],
        )
        for key, value in sent
    )


async def _poison_every_topic(
    engine: Engine, send: Send, largest: int, topics: tuple[str, ...]
) -> int:
    """Poison every topic; return with how many messages. Each is kept once, no agent restarts."""
    before = engine.actors()
    slots = asyncio.Semaphore(AT_ONCE)
    sent: dict[str, list[tuple[bytes | None, bytes | None]]] = {}

    async def poisoned(topic: str) -> None:
        async with slots:
            sent[topic] = await _send_all(engine, send, topic, largest)

    await asyncio.gather(*map(poisoned, topics))
    total = sum(map(len, sent.values()))
    letters = await _rejected(engine, total)
    await engine.idle(90)
    assert len(letters) == total, "each is kept once"
    for topic, poison in sent.items():
        kept = [each for each in letters if each.origin_topic == getattr(engine.names, topic)]
        assert Counter((each.key, each.value) for each in kept) == _as_kept(poison), topic
        assert all(each.detail for each in kept)
    assert engine.actors() == before, "no agent was restarted"
    assert engine.context.metrics.total("stage_errors") == 0
    return total


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["memory", pytest.param("log", marks=pytest.mark.long)])
async def test_m1_poison_on_every_topic_of_the_embedded_log(tmp_path: Path, kind: str) -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: "An answer"))
    broker = "log:" if kind == "log" else f"memory://{uuid4().hex}"
    async with pipeline(broker, ports, data_dir=tmp_path) as engine:

        async def send(topic: str, key: bytes | None, value: bytes | None, _: int | None) -> None:
            await engine.send_raw(topic, key, value)

        total = await _poison_every_topic(engine, send, MAX_MESSAGE_BYTES, tuple(GOOD))
        # 10 MB: this log takes them, too.
        await send(engine.names.questions_pending, *poisons("questions_pending")["10 MB"], None)
        await _rejected(engine, total + 1)
        at = await _origins(engine)
    assert at == {}, "each letter names the place where its bytes are"
    assert total >= 11 * AT_LEAST


async def _origins(engine: Engine) -> dict[Where, Any]:
    """Return the letters whose origin does not hold their bytes."""
    raw: dict[Where, bytes | None] = {}
    for topic in engine.names:
        raw |= {(m.topic, m.partition, m.offset): m.value for m in engine.messages(topic)}
    wrong = {}
    for letter in await engine.ports.store.dead_letters(limit=1_000_000):
        where = (letter.origin_topic, letter.origin_partition, letter.origin_offset)
        if letter.cause == "rejected" and (raw[where] or b"")[:MAX_ORIGINAL_BYTES] != (
            letter.value or b""
        ):
            wrong[where] = letter
    return wrong


@pytest.mark.alone
@pytest.mark.timeout(120)
async def test_m1_good_messages_do_not_wait_for_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one topic, at a rate that leaves room: a busy pipeline measures its own queue."""
    watched = Watched(monkeypatch)
    async with pipeline(f"memory://{uuid4().hex}", make_ports()) as engine:

        async def send(topic: str, key: bytes | None, value: bytes | None, _: int | None) -> None:
            await engine.send_raw(topic, key, value)

        topic = "questions_settled"
        watched.watching = True
        for step in range(ALONE):
            await _send_good(send, getattr(engine.names, topic), topic, step)
        await engine.idle(90)
        without = watched.p99()
        await _poison_every_topic(engine, send, MAX_MESSAGE_BYTES, (topic,))
        with_poison = watched.p99()
    print(f"p99 {without * 1000:.0f} ms alone, {with_poison * 1000:.0f} ms with poison")  # noqa: T201
    assert with_poison - without <= P99_SECONDS


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(300)
async def test_m1_poison_on_every_topic_of_kafka(kafka: KafkaServer) -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: "An answer"))
    name = f"t{uuid4().hex[:8]}"
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, max_request_size=2 * MAX_MESSAGE_BYTES
    )
    await producer.start()
    places: dict[Where, bytes | None] = {}

    async def send(
        topic: str, key: bytes | None, value: bytes | None, timestamp_ms: int | None
    ) -> None:
        done = await producer.send_and_wait(topic, value, key, timestamp_ms=timestamp_ms)
        places[topic, done.partition, done.offset] = value

    settings = {"app_id": name, "topic_prefix": f"{name}."}
    broker = f"kafka://{kafka.bootstrap}"
    async with pipeline(broker, ports, **settings) as engine:
        total = await _poison_every_topic(engine, send, MAX_MESSAGE_BYTES - 10_000, tuple(GOOD))
        for letter in await engine.ports.store.dead_letters(limit=1_000_000):
            if letter.cause == "rejected":
                where = (letter.origin_topic, letter.origin_partition, letter.origin_offset)
                assert (letter.value or b"") == (places[where] or b"")[:MAX_ORIGINAL_BYTES]
    await producer.stop()
    assert total >= 11 * AT_LEAST

"""A whole question pipeline in the test's own loop: memory log, in-memory twins, real Faust."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from agents.context import Limits
from app.adapters.cache.memory import MemoryCache
from app.adapters.clock import SystemClock
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.core.breaker import BreakerPolicy
from app.core.gate import Gate
from app.core.retry import RetryPolicy
from app.factory import create_app
from app.ports import Ports
from app.settings import QUESTIONS, load_settings
from app.topology import stages_of
from app.transports import NewRecord, RawRecord, close_storage, storage_for
from app.wire import WireGate
from models.questions import Question

QUICK = RetryPolicy(
    overload_base_seconds=0.05, overload_max_seconds=1.0, quota_delay_seconds=0.3, jitter=0.0
)
#: Whole batches fail here on purpose: breaker and pauses have their own tests (test_overload.py).
LIMITS = Limits(
    policy=QUICK,
    gate=Gate(threshold=0.6),
    timer_seconds=0.02,
    drain_grace_seconds=0.3,
    stop_grace_seconds=0.5,
    breaker=BreakerPolicy(min_calls=10_000),
    rate_limit_pause_seconds=0.0,
)
PATIENCE_SECONDS = 60.0


def make_ports(**parts: Any) -> Ports:
    defaults = {
        "model": ScriptedModel(lambda prompt: "An answer"),
        "scorer": OverlapScorer(),
        "store": MemoryStore(),
        "cache": MemoryCache(),
        "clock": SystemClock(),
    }
    return Ports(**{**defaults, **parts})


def question(text: str, reference: str | None = "An answer", **fields: Any) -> Question:
    return Question(
        **{
            "question_id": fields.pop("question_id", uuid4().hex),
            "question_text": text,
            "original_answer": reference,
            "model": "scripted",
            "accepted_at": time.time(),
            "metadata": {},
            **fields,
        }
    )


class Engine:
    """A started app with what a test asks of it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.context = app.context
        self.ports = app.context.ports
        self.names = app.context.names
        self.log: Any = storage_for(str(app.conf.broker[0]))

    async def submit(self, *questions: Question) -> None:
        await self.send(self.names.questions_pending, *questions)

    async def send(self, topic: str, *records: Any) -> None:
        """Put records on a topic, as a stage (or a forger) would."""
        channel = self.context.channel(topic)
        for each in records:
            await (await channel.send(key=each.question_id, value=each))

    async def send_raw(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Append bytes past Faust, as another program would."""
        partition = self.log.partition_for(topic, key)
        await self.log.append(NewRecord(topic, partition, key, value))

    async def final(self, question_id: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Return the question once it is final."""
        return await self.in_state(question_id, "validated low_quality unscored dead", seconds)

    async def finals(self, *questions: Question) -> list[Any]:
        """Return the questions once all are final, in order."""
        ids = [each.question_id for each in questions]

        async def all_final() -> bool:
            known = await self.ports.store.statuses(ids)
            return len(known) == len(ids) and all(status.final for status, _ in known.values())

        await poll(all_final, pause=0.05)
        rows = {row.question_id: row for row in await self.ports.store.questions_by_id(ids)}
        return [rows[each] for each in ids]

    async def in_state(
        self, question_id: str, statuses: str, seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """Return the question once its status is one of `statuses` (separated by spaces)."""

        async def found() -> Any:
            row = await self.ports.store.question(question_id)
            return row if row is not None and str(row.status) in statuses.split() else None

        return await poll(found, seconds)

    def messages(self, topic: str) -> list[RawRecord]:
        """Return every raw record of a topic of the memory log."""
        found = []
        for partition in range(self.log.topics()[topic].partitions):
            found += self.log.read((topic, partition), 0, 1_000_000)
        return found

    def records(self, topic: str) -> list[Any]:
        """Return every record of a topic that can be read."""
        gate = WireGate(self.context.schema._gates[topic].record)
        return [gate.decode(raw.value) for raw in self.messages(topic)]

    def unacknowledged(self, topic: str) -> int:
        """How many messages of a topic lie beyond what the group has committed."""
        committed = self.log.committed(self.app.conf.id)
        return sum(
            self.log.end((topic, p)) - committed.get((topic, p), 0)
            for p in range(self.log.topics()[topic].partitions)
        )

    async def idle(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Return once every message that some agent reads is acknowledged and committed."""
        keys = {key for stage in stages_of([QUESTIONS]) for key in stage.receives}

        async def done() -> bool:
            return not any(self.unacknowledged(getattr(self.names, key)) for key in keys)

        await poll(done, seconds)

    def actors(self) -> dict[str, list[int]]:
        """The running agent instances; a crashed one is replaced by another."""
        return {name: [id(a) for a in agent._actors] for name, agent in self.app.agents.items()}


async def poll(
    check: Callable[[], Awaitable[Any]], seconds: float = PATIENCE_SECONDS, pause: float = 0.01
) -> Any:
    """Return the first true value of `check`, asking until the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = await check()
        if value:
            return value
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(pause)


@asynccontextmanager
async def running(
    ports: Ports,
    *,
    name: str | None = None,
    limits: Limits = LIMITS,
    owned: bool = False,
    **settings: Any,
) -> AsyncIterator[Engine]:
    """Start a pipeline on a memory log of its own, or on `name`, which outlives it; stop it.

    `owned`: the process is the pipeline's, as that of a worker is.
    """
    broker = f"memory://{name or uuid4().hex}"
    chosen = load_settings(
        broker=broker,
        database="memory:",
        scorer="memory:",
        partitions=settings.pop("partitions", 4),
        commit_interval_seconds=settings.pop("commit_interval_seconds", 0.05),
        **settings,
    )
    app = create_app(chosen, ports, replace(limits))
    app.owns_process = owned
    await app.start()
    try:
        yield Engine(app)
    finally:
        await app.stop()
        if name is None:
            close_storage(broker)

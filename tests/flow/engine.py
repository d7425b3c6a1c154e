"""A whole question pipeline in the test's own loop: memory log, in-memory twins, real Faust."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from agents.context import Limits
from app.adapters.cache_memory import MemoryCache
from app.adapters.clock import SystemClock
from app.adapters.llm_memory import ScriptedModel
from app.adapters.scorer_memory import OverlapScorer
from app.adapters.store_memory import MemoryStore
from app.core.gate import Gate
from app.core.retry import RetryPolicy
from app.factory import create_app
from app.ports import Ports
from app.settings import load_settings
from models.questions import Question

QUICK = RetryPolicy(
    overload_base_seconds=0.05, overload_max_seconds=1.0, quota_delay_seconds=0.3, jitter=0.0
)
LIMITS = Limits(policy=QUICK, gate=Gate(threshold=0.6), timer_seconds=0.02, drain_grace_seconds=0.3)


def make_ports(**parts: Any) -> Ports:
    defaults = {
        "model": ScriptedModel(),
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

    async def submit(self, *questions: Question) -> None:
        for each in questions:
            channel = self.context.channel(self.names.questions_pending)
            await (await channel.send(key=each.question_id, value=each))

    async def final(self, question_id: str, seconds: float = 10.0) -> Any:
        """Return the question once it is final."""

        async def found() -> Any:
            row = await self.ports.store.question(question_id)
            return row if row is not None and row.status.final else None

        return await poll(found, seconds)

    def messages(self, topic: str) -> list[Any]:
        """Return every raw record of a topic of the memory log."""
        from app.transports import storage_for

        storage = storage_for(str(self.app.conf.broker[0]))
        found = []
        for partition in range(storage.topics()[topic].partitions):
            found += storage.read((topic, partition), 0, 100_000)
        return found


async def poll(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return the first true value of `check`, asking until the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = await check()
        if value:
            return value
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    ports: Ports, *, name: str | None = None, limits: Limits = LIMITS, **settings: Any
):
    """Start a pipeline on a memory log of its own (or on `name`) and stop it at the end."""
    chosen = load_settings(
        broker=f"memory://{name or uuid4().hex}",
        database="memory:",
        scorer="memory:",
        partitions=settings.pop("partitions", 4),
        commit_interval_seconds=0.05,
        **settings,
    )
    app = create_app(chosen, ports, replace(limits))
    await app.start()
    try:
        yield Engine(app)
    finally:
        await app.stop()

"""Three overloads at the same time, each on an engine of its own: what L1, L5 and L6 look at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from app.core.breaker import BreakerState
from app.factory import PipelineApp, create_app
from app.fake_llm import FakeModelServer, Limits, Step
from app.intake import Intake, NewQuestion
from app.settings import load_settings
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import PostgresServer

BUSY_SECONDS = 60.0
QUESTIONS = 200
#: Within so many seconds what was too much before is done again.
BACK_SECONDS = 60


@dataclass
class Sample:
    """The state of an engine at a time (monotonic seconds)."""

    at: float
    limit: int
    state: BreakerState
    ended: int


@dataclass
class Run:
    """One engine under overload."""

    app: PipelineApp
    server: FakeModelServer
    submitted: int = 0
    fed: bool = False
    samples: list[Sample] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)

    @property
    def ended(self) -> int:
        return self.app.context.metrics.total("questions_settled")

    async def submit(self, number: int) -> list[str]:
        intake = Intake(self.app.context, 0.0)
        new = [NewQuestion(f"Question {self.submitted + n}?", "An answer") for n in range(number)]
        self.submitted += number
        taken = await asyncio.gather(*(intake.take(each, source="run") for each in new))
        return [each.question_id for each in taken]

    async def watch(self) -> None:
        """Look ten times a second, until cancelled."""
        turnstile = self.app.context.turnstile
        while True:
            now = time.monotonic()
            limit = turnstile.limiter.in_force
            self.samples.append(Sample(now, limit, turnstile.state, self.ended))
            await asyncio.sleep(0.1)

    async def feed(self, ahead: int) -> None:
        """Keep so many questions in progress beside those that wait for a retry; `fed` ends it."""
        while not self.fed:
            waiting = self.app.context.metrics.as_json()["retries_waiting"]
            if self.submitted - self.ended - waiting < ahead:
                await self.submit(10)
            await asyncio.sleep(0.05)

    async def until(self, check: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, (self.samples[-1], self.app.context.metrics.as_json())
            await asyncio.sleep(0.05)

    def mark(self, name: str) -> None:
        self.marks[name] = time.monotonic()

    def goodput(self, since: float, until: float) -> float:
        """Questions that ended in a second."""
        inside = [s.ended for s in self.samples if since <= s.at <= until]
        return (inside[-1] - inside[0]) / (until - since)

    @property
    def before(self) -> float:
        """The goodput before the overload, once it had begun well."""
        return self.goodput(self.marks["start"] + 4, self.marks["overload"])

    def back_after(self) -> int | None:
        """After how many healthy seconds nine tenths of that goodput were there for two seconds."""
        healthy, last = self.marks["healthy"], self.samples[-1].at
        for second in range(BACK_SECONDS):
            since, until = healthy + second, healthy + second + 2
            if until <= last and self.goodput(since, until) >= 0.9 * self.before:
                return second
        return None


@asynccontextmanager
async def engine(
    starting: asyncio.Lock,
    folder: Path,
    postgres: PostgresServer,
    server: FakeModelServer,
    **settings: Any,
) -> AsyncIterator[Run]:
    """Run an engine on a database of its own, asking `server` by the protocol of Ollama."""
    name = f"overload_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    await connection.close()
    chosen = load_settings(
        **{
            "broker": "log:",
            "database": postgres.dsn_of(name),
            "llm": f"ollama://{server.host}",
            "llm_model": "smol:latest",
            "scorer": "memory:",
            "data_dir": folder / name,
            "app_id": name.replace("_", "-"),
            "topic_prefix": f"{name}.",
            "partitions": 4,
            **settings,
        }
    )
    app = create_app(chosen)
    async with starting:  # one after the other: each blocks the loop for a while
        await app.start()
        while app.rebalancing or not app.tables.actives_ready:
            await asyncio.sleep(0.02)
    try:
        run = Run(app, server)
        watching = asyncio.create_task(run.watch())
        yield run
        watching.cancel()
    finally:
        await app.stop()


async def busy_for_a_minute(starting: asyncio.Lock, folder: Path, postgres: PostgresServer) -> Run:
    """L1: 503 to every call for 60 s, then a healthy server."""
    async with FakeModelServer(lambda _: "An answer", 0.1) as server:
        server.default = Step(status=503)
        async with engine(starting, folder, postgres, server) as run:
            run.mark("start")
            ids = await run.submit(QUESTIONS)
            await asyncio.sleep(BUSY_SECONDS)
            server.default = None
            run.mark("healthy")
            await run.until(lambda: run.ended == QUESTIONS, 120)
            run.mark("done")
            run.rows = await run.app.context.ports.store.questions_by_id(ids)
            run.figures = run.app.context.metrics.as_json()
            return run


async def ten_times_slower(
    starting: asyncio.Lock, folder: Path, postgres: PostgresServer, kafka: KafkaServer
) -> Run:
    """L5: calls of 0.3 s take 3 s for a minute."""
    broker = {"broker": f"kafka://{kafka.bootstrap}"}
    async with (
        FakeModelServer(lambda _: "An answer", 0.3) as server,
        engine(starting, folder, postgres, server, **broker) as run,
    ):
        feeding = asyncio.create_task(run.feed(24))
        run.mark("start")
        rebalances = run.app.rebalancing_count
        await asyncio.sleep(8)
        server.default = Step(text="An answer", latency=3.0)
        run.mark("slow")
        await asyncio.sleep(60)
        server.default = None
        run.mark("healthy")
        while run.samples[-1].limit < 8 and time.monotonic() < run.marks["healthy"] + 15:
            await asyncio.sleep(0.2)
        run.mark("done")
        run.fed = True
        await feeding
        await run.until(lambda: run.ended == run.submitted, 30)
        run.figures = run.app.context.metrics.as_json()
        run.figures["rebalances"] = run.app.rebalancing_count - rebalances
        return run


async def ten_times_too_much(starting: asyncio.Lock, folder: Path, postgres: PostgresServer) -> Run:
    """L6: 10 calls at a time for a server that works on 1 and sheds the rest, then on 10."""
    enough, too_few = Limits(slots=10, queue=0), Limits(slots=1, queue=0)
    async with (
        FakeModelServer(lambda _: "An answer", 1.0, limits=enough) as server,
        engine(starting, folder, postgres, server, llm_concurrency=10) as run,
    ):
        feeding = asyncio.create_task(run.feed(40))
        run.mark("start")
        await asyncio.sleep(12)
        server.limits = too_few
        run.mark("overload")
        await asyncio.sleep(30)
        server.limits = enough
        run.mark("healthy")
        while run.back_after() is None and time.monotonic() < run.marks["healthy"] + 62:
            await asyncio.sleep(0.5)
        run.mark("done")
        run.fed = True
        await feeding
        run.figures = run.app.context.metrics.as_json()
        return run


async def all_at_once(
    folder: Path, postgres: PostgresServer, kafka: KafkaServer
) -> tuple[Run, Run, Run]:
    """Run the three side by side."""
    starting = asyncio.Lock()
    return await asyncio.gather(
        busy_for_a_minute(starting, folder, postgres),
        ten_times_slower(starting, folder, postgres, kafka),
        ten_times_too_much(starting, folder, postgres),
    )

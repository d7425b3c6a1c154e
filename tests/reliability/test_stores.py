"""P1 to P3, D1 to D3: PostgreSQL and Redis stop, hang, lock, forget while questions are answered.

The pipeline is whole, on the embedded log; PostgreSQL and Redis are real, the model is scripted.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import redis.asyncio

from app.adapters.cache.redis import RedisCache
from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.postgres.migrate import migrate
from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import FINAL, Status
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question
from tests.reliability.pipeline import contents, pipeline
from tests.servers import require
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.redis import RedisServer
from tests.web.client import client_of

pytestmark = pytest.mark.postgres

#: A busy machine catches up slowly; a quiet one needs a tenth of it.
PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped: other tests have theirs."""
    with tempfile.TemporaryDirectory(prefix="answerloop-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = require(lambda: start_postgres(Path(folder)))
        try:
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture
async def dsn(own_server: PostgresServer) -> str:
    name = f"t{uuid4().hex[:8]}"
    connection = await asyncpg.connect(own_server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    await migrate(own_server.dsn_of(name))
    return own_server.dsn_of(name)


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(dsn)
    yield store
    await store.close()


class Stream:
    """Questions at a steady rate, put on the log; `asked` are those that it took."""

    def __init__(self, engine: Engine, per_second: float) -> None:
        self._engine = engine
        self._pause = 1 / per_second
        self.asked: list[Any] = []

    async def flow(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        due = time.monotonic()
        while time.monotonic() < end:
            each = question(f"Question {len(self.asked)}?")
            await self._engine.submit(each)
            self.asked.append(each)
            due += self._pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _all_answered_once(
    store: PostgresStore, dsn: str, model: ScriptedModel, asked: list[Any]
) -> None:
    """0 lost, 0 duplicates, no answer computed twice."""

    async def all_final() -> bool:
        counts = await store.counts()
        return sum(counts.get(status, 0) for status in FINAL) >= len(asked)

    try:
        await poll(all_final, PATIENCE_SECONDS, pause=0.5)
    except AssertionError:
        raise AssertionError(f"{len(asked)} asked: {await store.counts()}") from None
    assert await store.counts() == {Status.VALIDATED: len(asked)}
    rows = await contents(dsn)
    assert {row[0] for row in rows["questions"]} == {each.question_id for each in asked}
    assert len(rows["attempts"]) == len(asked)
    assert rows["dead_letters"] == []
    per_question = {each.question_text: 0 for each in asked}
    for call in model.calls:
        per_question[call.prompt.user] += 1
    twice = {text: n for text, n in per_question.items() if n != 1}
    assert twice == {}, "each answer is computed exactly once"


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "down_seconds", [30, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
async def test_p1_postgresql_stopped_for_30_s_at_100_questions_a_second(
    own_server: PostgresServer, dsn: str, store: PostgresStore, tmp_path: Path, down_seconds: int
) -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.02)
    ports = make_ports(model=model, store=store)
    limits = replace(LIMITS, concurrency=64)
    settings = {"data_dir": tmp_path, "commit_interval_seconds": 0.5}
    async with pipeline("log:", ports, limits=limits, **settings) as engine:
        stream = Stream(engine, per_second=100)
        await stream.flow(2)
        flowing = asyncio.create_task(stream.flow(down_seconds + 3))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_server.stop)
        await asyncio.sleep(2)
        quiet = len(model.calls)
        await asyncio.sleep(down_seconds - 4)
        called_while_down = len(model.calls) - quiet
        await asyncio.to_thread(own_server.start)
        back = time.monotonic()
        await flowing
        await _all_answered_once(store, dsn, model, stream.asked)
        await engine.idle(PATIENCE_SECONDS)
        caught_up = time.monotonic() - back
    assert called_while_down == 0, "with PostgreSQL gone no model is called"
    rate = len(stream.asked) / (down_seconds + 5)
    assert rate > 50, "intake went on"
    report = f"{len(stream.asked)} questions at {rate:.0f}/s, done {caught_up:.1f} s later"
    print(report)  # noqa: T201


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "seconds", [8, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
async def test_p2_all_backends_terminated_every_2_s(
    dsn: str, store: PostgresStore, tmp_path: Path, seconds: int
) -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.02)
    ports = make_ports(model=model, store=store)
    terminated = 0

    async def saboteur() -> None:
        nonlocal terminated
        while True:
            connection = await asyncpg.connect(dsn)
            terminated += await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.close()
            await asyncio.sleep(2)

    async with pipeline("log:", ports, data_dir=tmp_path) as engine:
        stream = Stream(engine, per_second=50)
        sabotage = asyncio.create_task(saboteur())
        await stream.flow(seconds)
        sabotage.cancel()
        with suppress(asyncio.CancelledError):
            await sabotage
        await _all_answered_once(store, dsn, model, stream.asked)
        await engine.idle(PATIENCE_SECONDS)
        assert engine.context.metrics.total("stage_errors") == 0
    assert terminated >= 4


@pytest.mark.timeout(180)
async def test_p3_a_row_lock_held_for_20_s_delays_one_partition(
    dsn: str, store: PostgresStore, tmp_path: Path
) -> None:
    """A quick stage stores a chunk of a partition at once: what shares it with the row waits."""
    model = ScriptedModel(lambda prompt: "An answer")
    ports = make_ports(model=model, store=store)
    async with pipeline("log:", ports, data_dir=tmp_path) as engine:
        asked = [question(f"Question {n}?", question_id=f"q{n:03}") for n in range(100)]
        await engine.submit(asked[7])
        await engine.final("q007")
        again = asked[7].derive(round=1)  # its row is there, and its new round has to write it
        holder = await asyncpg.connect(dsn)
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT 1 FROM questions WHERE question_id = 'q007' FOR UPDATE")
        locked_at = time.monotonic()
        others = [each for each in asked if each is not asked[7]]
        topic = engine.names.questions_pending
        lane = engine.log.partition_for(topic, b"q007")
        free = [
            o for o in others if engine.log.partition_for(topic, o.question_id.encode()) != lane
        ]
        await engine.submit(again, *others)
        rows = await engine.finals(*free)
        others_took = time.monotonic() - locked_at
        assert {row.status for row in rows} == {Status.VALIDATED}
        await asyncio.sleep(max(0.0, 20 - (time.monotonic() - locked_at)))
        late_at = time.monotonic()
        late = [question(f"Late {n}?", question_id=f"late{n:03}") for n in range(20)]
        late = [e for e in late if engine.log.partition_for(topic, e.question_id.encode()) != lane]
        await engine.submit(*late)
        await engine.finals(*late)
        late_took = time.monotonic() - late_at
        assert (await engine.ports.store.question("q007")).turn.round == 0
        await held.rollback()
        await holder.close()

        async def ended_again() -> bool:
            row = await engine.ports.store.question("q007")
            return bool(row.turn.round == 1 and row.status.final)

        await poll(ended_again, PATIENCE_SECONDS)
        await engine.finals(*others)
        await engine.idle(PATIENCE_SECONDS)
        assert engine.context.metrics.total("stage_errors") == 0
    assert await store.counts() == {Status.VALIDATED: 100 + len(late)}
    assert len(model.calls) == 101 + len(late)
    print(f"{len(free)} others took {others_took:.1f} s, {len(late)} late {late_took:.1f} s")  # noqa: T201
    assert len(free) > 50
    assert others_took < 20, "the other partitions did not wait for the lock"
    assert late_took < 10, "a lock of 20 s is no outage: claims go on"


async def _ask_over_http(engine: Engine, count: int, name: str = "Question") -> list[float]:
    """Ask and read back over HTTP; return how long each request took. A 5xx fails."""
    seconds: list[float] = []
    async with client_of(engine) as client:

        async def timed(method: str, path: str, **options: Any) -> Any:
            started = time.monotonic()
            async with client.request(method, path, **options) as response:
                body = await response.json()
                seconds.append(time.monotonic() - started)
                assert response.status < 500, (method, path, response.status, body)
                return body

        for number in range(count):
            body = {"question_text": f"{name} {number}?", "original_answer": "An answer"}
            taken = await timed("POST", "/query", json=body)
            row = await timed("POST", "/query?wait=30", json=body)
            assert row["status"] == "validated", row
            await timed("GET", f"/questions/{taken['question_id']}")
            assert (await timed("POST", "/query", json=body))["status"] == "validated"
        await timed("GET", "/health")
    return seconds


async def test_d1_redis_absent_for_a_whole_run_costs_no_5xx(
    store: PostgresStore, tmp_path: Path
) -> None:
    cache = RedisCache("redis://127.0.0.1:1/0")
    ports = make_ports(store=store, cache=cache)
    async with pipeline("log:", ports, data_dir=tmp_path) as engine:
        seconds = await _ask_over_http(engine, 20)
        assert engine.context.metrics.total("cache_errors") >= 20
        assert engine.context.metrics.total("stage_errors") == 0
    await cache.close()
    assert len(ports.model.calls) == 20
    assert len(seconds) == 81


@pytest.mark.alone
@pytest.mark.redis
async def test_d2_a_frozen_redis_costs_100_ms_a_request_at_most(
    redis_server: RedisServer, store: PostgresStore, tmp_path: Path
) -> None:
    cache = RedisCache(redis_server.url, prefix=f"{uuid4().hex}:")
    ports = make_ports(store=store, cache=cache)
    async with pipeline("log:", ports, data_dir=tmp_path) as engine:
        quick = await _ask_over_http(engine, 3)
        redis_server.pause()
        try:
            started = time.monotonic()
            with pytest.raises(Exception, match=r".") as caught:
                await cache.get("q1")
            alone = time.monotonic() - started
            slow = await _ask_over_http(engine, 10, "Frozen")
        finally:
            redis_server.resume()
        assert engine.context.metrics.total("stage_errors") == 0
    await cache.close()
    assert type(caught.value).__name__ == "CacheUnavailable"
    assert alone < 0.2, alone
    reads = sorted(slow)
    print(f"{alone * 1000:.0f} ms for one; requests {reads[len(reads) // 2] * 1000:.0f} ms median")  # noqa: T201
    assert reads[len(reads) // 2] < 0.35, (quick, slow)


@pytest.mark.redis
async def test_d3_flushall_in_the_middle_of_a_run_costs_only_hits(
    redis_server: RedisServer, store: PostgresStore, tmp_path: Path
) -> None:
    cache = RedisCache(redis_server.url, prefix=f"{uuid4().hex}:")
    ports = make_ports(store=store, cache=cache)
    admin = redis.asyncio.from_url(redis_server.url)
    flushes = 0

    async def flusher() -> None:
        nonlocal flushes
        while True:
            await admin.flushall()
            flushes += 1
            await asyncio.sleep(0.05)

    async with pipeline("log:", ports, data_dir=tmp_path) as engine:
        flushing = asyncio.create_task(flusher())
        await _ask_over_http(engine, 30)
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
        assert engine.context.metrics.total("cache_errors") == 0
        assert engine.context.metrics.total("stage_errors") == 0
    await admin.aclose()
    await cache.close()
    assert flushes >= 5
    assert len(ports.model.calls) == 30
    assert await store.counts() == {Status.VALIDATED: 30}

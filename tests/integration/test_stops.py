"""Stops while something is away: in time, and without a flood of words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import Cluster, Worker, get, post, until
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]

MakeCluster = Callable[..., Cluster]


async def test_a_stop_is_in_time_while_the_database_is_away(
    make_cluster: MakeCluster, model_server: FakeModelServer, postgres_server: PostgresServer
) -> None:
    worker = await _busy_worker(make_cluster(model_server), model_server)
    postgres_server.stop("immediate")
    try:
        code, seconds = await _stop(worker)
    finally:
        postgres_server.start()
    log = worker.log.read_text()
    assert code == 0, log[-3000:]
    assert seconds <= 15
    assert "never retrieved" not in log
    assert len(log.splitlines()) < 100


async def test_c2_a_stop_is_in_time_with_the_breaker_open(
    make_cluster: MakeCluster, model_server: FakeModelServer
) -> None:
    model_server.default = Step(status=503)
    cluster = make_cluster(model_server)
    worker = await cluster.ready(cluster.start_worker())
    await asyncio.gather(*(post(worker, f"Question {n}?") for n in range(60)))

    async def is_open() -> bool:
        return bool((await get(worker, "/metrics"))["breaker_state"])

    await until(is_open, 30)
    model = (await get(worker, "/health"))["dependencies"]["model"]
    assert model["status"] == "down"
    assert "breaker" in model["detail"]
    code, seconds = await _stop(worker)
    assert (code, seconds <= 15) == (0, True), worker.log.read_text()[-3000:]


async def test_c2_with_postgresql_away_a_stop_is_in_time_and_repeats_no_call(
    make_cluster: MakeCluster, model_server: FakeModelServer, postgres_server: PostgresServer
) -> None:
    model_server.default = Step(text="An answer", latency=3.0)
    cluster = make_cluster(model_server)
    worker = await cluster.ready(cluster.start_worker())
    ids = await asyncio.gather(*(post(worker, f"Question {n}?") for n in range(40)))

    async def calling() -> bool:
        return model_server.in_flight == 8

    await until(calling, 30)
    postgres_server.stop("immediate")
    try:
        code, seconds = await _stop(worker)
    finally:
        postgres_server.start()
    model_server.default = Step(text="An answer")
    again = await cluster.ready(cluster.start_worker())

    async def all_answered() -> bool:
        rows = [await get(again, f"/questions/{each}") for each in ids]
        return all(row.get("status") == "validated" for row in rows)

    await until(all_answered, 60)
    repeated = len(model_server.calls) - len(ids)
    assert (code, seconds <= 15) == (0, True), worker.log.read_text()[-3000:]
    assert repeated == 0


async def _busy_worker(cluster: Cluster, model_server: FakeModelServer) -> Worker:
    """Return a worker in the middle of calls, with more of them before it."""
    model_server.default = Step(text="An answer", latency=1)
    worker = await cluster.ready(cluster.start_worker())
    await asyncio.gather(*(post(worker, f"Question {number}?") for number in range(40)))

    async def calling() -> bool:
        return len(model_server.calls) > 10

    await until(calling, 30)
    return worker


async def _stop(worker: Worker) -> tuple[int, float]:
    started = time.monotonic()
    code = await asyncio.to_thread(worker.stop, 45)
    return code, time.monotonic() - started

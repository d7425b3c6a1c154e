"""A worker with waits is stopped and replaced, on real servers (C2 has restarts under load)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import aiohttp
import asyncpg
import pytest

from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import Cluster, Worker, get, post, until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]

MakeCluster = Callable[..., Cluster]

STOP_SECONDS = 15.0
WAITS = 60
WAIT_SECONDS = 10.0


async def test_waits_outlive_their_stopped_owner_and_fire_once_never_early(
    make_cluster: MakeCluster, model_server: FakeModelServer, postgres_dsn: str
) -> None:
    cluster = make_cluster(
        model_server,
        OVERLOAD_BASE_SECONDS=str(WAIT_SECONDS),
        RETRY_JITTER="0",
        BREAKER_MIN_CALLS="1000",
    )
    workers = [cluster.start_worker(), cluster.start_worker()]
    await _all_work(cluster, workers)
    questions = [f"Busy {number}?" for number in range(WAITS)]
    for question in questions:
        model_server.script[question] = [Step(status=503)]
    await asyncio.gather(*(post(workers[0], question) for question in questions))

    async def waiting() -> list[int]:
        held = [await _retries_waiting(worker) for worker in workers]
        return held if sum(held) == WAITS else []

    owned = await until(waiting, WAIT_SECONDS)
    assert min(owned) > 0, "each worker must own some waits"
    code, seconds = await _stop(workers.pop(0))
    assert (code, seconds <= STOP_SECONDS) == (0, True), seconds
    workers.append(cluster.start_worker())
    assert len(model_server.calls) == WAITS, "the waits go on while the owner changes"

    assert await _ends(postgres_dsn, WAITS, 60) == {"validated": WAITS}
    assert _calls_beyond(model_server, 2) == {}
    called: defaultdict[str, list[float]] = defaultdict(list)
    for call in model_server.calls:
        called[call.question].append(call.at)
    gaps = [second - first for first, second in called.values()]
    assert min(gaps) >= WAIT_SECONDS


async def _all_work(cluster: Cluster, workers: list[Worker]) -> None:
    """Wait until every worker is ready and owns partitions."""
    await asyncio.gather(*(cluster.ready(worker) for worker in workers))

    async def shared_out() -> bool:
        details = [
            (await get(worker, "/health"))["dependencies"]["broker"]["detail"] for worker in workers
        ]
        return all(", 0 partitions" not in detail for detail in details)

    await until(shared_out, 60)


async def _stop(worker: Worker) -> tuple[int, float]:
    started = time.monotonic()
    code = await asyncio.to_thread(worker.stop, 2 * STOP_SECONDS)
    return code, time.monotonic() - started


async def _retries_waiting(worker: Worker) -> int:
    plain = {"Accept": "text/plain"}
    async with aiohttp.request("GET", f"{worker.url}/metrics", headers=plain) as response:
        lines = dict(
            line.rsplit(" ", 1) for line in (await response.text()).splitlines() if line[0] != "#"
        )
    return int(float(lines["answerloop_retries_waiting"]))


async def _ends(dsn: str, questions: int, seconds: float) -> dict[str, int]:
    """Return how many rows have which state, once none is open or the time is over."""
    connection = await asyncpg.connect(dsn)
    end = time.monotonic() + seconds
    try:
        while True:
            rows = await connection.fetch("SELECT status, count(*) FROM questions GROUP BY status")
            found = dict(rows)
            finished = sum(found.get(status, 0) for status in ("validated", "low_quality", "dead"))
            if finished >= questions or time.monotonic() > end:
                return found
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


def _calls_beyond(server: FakeModelServer, most: int) -> Counter[str]:
    return Counter({text: calls for text, calls in server.counts().items() if calls > most})

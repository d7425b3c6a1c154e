"""The whole pipeline on real Kafka, PostgreSQL and Redis, with a scripted model server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from app.fake_llm import FakeModelServer, Step
from tests.integration.cluster import Cluster, Worker, final, get, post, until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]

MakeCluster = Callable[..., Cluster]


@pytest.fixture
async def worker(make_cluster: MakeCluster, model_server: FakeModelServer) -> Worker:
    cluster = make_cluster(model_server, QUALITY_THRESHOLD="0.6")
    return await cluster.ready(cluster.start_worker())


async def test_three_overloads_then_an_answer(
    worker: Worker, model_server: FakeModelServer
) -> None:
    model_server.script["Busy?"] = [Step(status=503)] * 3
    row = await final(worker, await post(worker, "Busy?"))
    assert row["status"] == "validated", row
    at = [call.at for call in model_server.calls if call.question == "Busy?"]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert len(gaps) == 3
    for gap, nominal in zip(gaps, (0.2, 0.4, 0.8), strict=True):
        assert nominal * 0.8 <= gap <= nominal * 1.2 + 1.5, gaps
    causes = [attempt.get("cause") for attempt in row["attempts"]]
    assert causes == ["overloaded"] * 3 + [None]
    assert all(a["waited_seconds"] > 0 for a in row["attempts"][1:])


async def test_a_rate_limit_waits_the_fixed_delay_or_what_the_server_asks(
    worker: Worker, model_server: FakeModelServer
) -> None:
    model_server.script["Limited?"] = [Step(status=429)]
    model_server.script["Asked to wait?"] = [Step(status=429, headers={"Retry-After": "2"})]
    # One after the other: what a server asks for holds up every call to it.
    for question, least, most in (("Limited?", 0.8, 2.7), ("Asked to wait?", 2.0, 4.0)):
        row = await final(worker, await post(worker, question))
        assert row["status"] == "validated"
        first, second = [c.at for c in model_server.calls if c.question == question]
        assert least <= second - first <= most


async def test_weak_answers_are_asked_again_and_the_best_is_kept(
    worker: Worker, model_server: FakeModelServer
) -> None:
    model_server.script["Hard?"] = [Step(text="no"), Step(text="the right one"), Step(text="nope")]
    question_id = await post(worker, "Hard?", "the right thing is completely different from this")
    row = await final(worker, question_id)
    assert row["status"] == "low_quality"
    assert row["answer"] == "the right one"
    assert [attempt["generation"] for attempt in row["attempts"]] == [1, 2, 3]
    assert row["generation"] == 2


async def test_a_bad_request_is_dead_at_once(worker: Worker, model_server: FakeModelServer) -> None:
    model_server.script["Refused?"] = [Step(status=400)] * 9
    row = await final(worker, await post(worker, "Refused?"))
    assert (row["status"], row["cause"]) == ("dead", "bad_request")
    assert model_server.counts()["Refused?"] == 1


async def test_poison_is_put_aside_and_nothing_else_is_delayed(
    make_cluster: MakeCluster, model_server: FakeModelServer, postgres_dsn: str
) -> None:
    cluster = make_cluster(model_server)
    worker = await cluster.ready(cluster.start_worker())
    prefix = cluster.settings["TOPIC_PREFIX"]
    producer = AIOKafkaProducer(bootstrap_servers=cluster.settings["BROKER"][8:])
    await producer.start()
    poison = [b"{", b"null", b"", b'{"type":"answerloop.Question"}', b"\xff" * 100]
    ids = []
    for number in range(100):
        if number % 20 == 0:
            topic = f"{prefix}questions-pending"
            await producer.send_and_wait(topic, poison[number // 20], key=b"k")
        ids.append(await post(worker, f"Question {number}?"))
    await producer.stop()
    rows = [await final(worker, each) for each in ids]
    assert {row["status"] for row in rows} == {"validated"}

    connection = await asyncpg.connect(postgres_dsn)

    async def dead() -> list[asyncpg.Record]:
        found = await connection.fetch("SELECT * FROM dead_letters")
        return found if len(found) >= 5 else []

    letters = await until(dead, 20)
    await connection.close()
    assert sorted(bytes(letter["value"]) for letter in letters) == sorted(poison)
    assert {letter["cause"] for letter in letters} == {"rejected"}
    assert "Restarting" not in cluster.logs()
    assert (await get(worker, "/metrics"))["stage_errors"] == 0


async def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    make_cluster: MakeCluster, model_server: FakeModelServer, postgres_dsn: str
) -> None:
    model_server.default = Step(text="An answer", latency=0.2)
    cluster = make_cluster(model_server, LLM_CONCURRENCY="8")
    first, second = cluster.start_worker(), cluster.start_worker()
    await asyncio.gather(cluster.ready(first), cluster.ready(second))

    async def both_work() -> bool:
        details = [
            (await get(each, "/health"))["dependencies"]["broker"]["detail"]
            for each in (first, second)
        ]
        return all(", 0 partitions" not in detail for detail in details)

    await until(both_work, 60)
    ids = [await post(first, f"Question {number}?") for number in range(150)]
    second.kill()
    rows = [await final(first, each, 60) for each in ids]
    assert {row["status"] for row in rows} == {"validated"}

    connection = await asyncpg.connect(postgres_dsn)
    counts = await connection.fetchrow(
        "SELECT count(*) AS rows, count(DISTINCT question_id) AS ids FROM questions"
    )
    await connection.close()
    assert (counts["rows"], counts["ids"]) == (150, 150)
    repeated = len(model_server.calls) - 150
    assert 0 <= repeated <= 8

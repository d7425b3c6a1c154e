"""The core of compose.yml without an engine: its commands by hand, on real servers, in its order.

Kafka, PostgreSQL and Redis are real; the model server is a scripted one, the scorer word overlap
(torch takes a minute to load: tests/scoring has the score server with its real model).
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from app.adapters.scorer.memory import OverlapScorer
from app.chaos.processes import last_words
from app.core.lifecycle import Status
from app.fake_llm import FakeModelServer
from tests.docker.files import services
from tests.docker.running import TOKEN, Stage
from tests.integration.cluster import until
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]
ANSWER = "Lima es la capital del Perú."


@pytest.fixture
async def stage(
    kafka: KafkaServer, postgres_dsn: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Stage]:
    name = f"t{uuid4().hex[:8]}"
    model = FakeModelServer(answer=lambda question: ANSWER)
    await model.start()
    made = Stage(
        tmp_path,
        {"kafka:9092": kafka.bootstrap},
        {
            # The servers of the tests have names, users and neighbours of their own.
            "ANSWERLOOP_DATABASE": postgres_dsn,
            "ANSWERLOOP_CACHE": redis_url,
            "ANSWERLOOP_LLM": f"ollama://{model.host}",
            "ANSWERLOOP_LLM_MODEL": "smol",
            "ANSWERLOOP_APP_ID": name,
            "ANSWERLOOP_TOPIC_PREFIX": f"{name}.",
        },
    )
    yield made
    made.close()
    await model.stop()


@pytest.mark.timeout(600)
async def test_the_core_starts_in_order_answers_and_stops_in_time(
    stage: Stage, postgres_dsn: str
) -> None:
    topics = stage.start("topics-init")
    stage.start("score")  # it loads its model meanwhile
    assert await asyncio.to_thread(topics.wait, 180) == 0, last_words(stage.log("topics-init"))
    await asyncio.to_thread(stage.wait_healthy, "score", 180)
    for name in ("worker-1", "worker-2"):
        stage.start(name)
    for name in ("worker-1", "worker-2"):
        await asyncio.to_thread(stage.wait_healthy, name, 180)

    question_id = await ask(stage.url("worker-1"))

    async def ended() -> tuple[str, str] | None:
        status, answer = await stored(postgres_dsn, question_id)
        return (status, answer) if Status(status).final else None

    assert await until(ended, 120) == ("validated", ANSWER)
    async with aiohttp.request("GET", f"{stage.url('worker-2')}/questions/{question_id}") as reply:
        seen = await reply.json()
    assert (seen["status"], seen["scorer"]) == ("validated", OverlapScorer().name)

    load = stage.start("load", LOAD_RATE="4", LOAD_SECONDS="2")
    assert await asyncio.to_thread(load.wait, 180) == 0, last_words(stage.log("load"))
    assert await count(postgres_dsn) > 1

    for name in ("worker-1", "worker-2", "score"):
        grace = float(services()[name]["stop_grace_period"].removesuffix("s"))
        stage.processes[name].send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(stage.processes[name].wait, grace)
        assert code == 0, last_words(stage.log(name))


async def ask(url: str) -> str:
    """Post a question with the token, and return its id."""
    body = {"question_text": "¿Cuál es la capital del Perú?", "original_answer": ANSWER}
    query = f"{url}/query?wait=30"
    async with aiohttp.request("POST", query, json=body) as reply:
        assert reply.status == 401, "writes need the secret"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.request("POST", query, json=body, headers=headers) as reply:
        answer = await reply.json()
        assert reply.status in {200, 202}, json.dumps(answer)
        return str(answer["question_id"])


async def stored(dsn: str, question_id: str) -> tuple[str, str]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(
            "SELECT status, answer FROM questions WHERE question_id = $1", question_id
        )
    finally:
        await connection.close()
    assert row is not None
    return row["status"], row["answer"]


async def count(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM questions"))
    finally:
        await connection.close()

"""I1 to I3, T6, C3: repeats, replays, latecomers and forgeries change nothing."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from faust.types import TP

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.postgres.store import PostgresStore
from app.core.failures import CAUSES
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.errors import llm_failed
from app.ports import Busy, CallAnswer, CallFailure, Claimed, ClaimRequest, Waiting
from app.wire import WireGate
from models.questions import LlmAnswer, LlmFailure, LlmRequest, Question, RetryDue
from tests.flow.engine import LIMITS, Engine, make_ports, poll, question
from tests.reliability.pipeline import PARTITIONS, back_to_zero, contents, pipeline
from tests.servers.kafka import KafkaServer
from tests.web.client import client_of

pytestmark = pytest.mark.postgres

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
LIMITED = llm_failed(CAUSES["rate_limited"], "slow down", status=429)
BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn)
    yield store
    await store.close()


@pytest.fixture
def broker() -> str:
    return f"memory://{uuid4().hex}"


@pytest.mark.parametrize("with_key", [True, False], ids=["key", "same-body"])
async def test_i1_a_hundred_clients_that_send_the_same_make_one_call(
    store: PostgresStore, broker: str, *, with_key: bool
) -> None:
    """Each sends it 1 to 5 times at once, before, while and after it is answered."""
    ports = make_ports(store=store, model=ScriptedModel(lambda prompt: "An answer", seconds=0.1))
    draw = random.Random(1)
    body = {"question_text": "Why?", "original_answer": "An answer"}
    headers = {"Idempotency-Key": "order-17"} if with_key else {}
    async with pipeline(broker, ports) as engine, client_of(engine) as client:

        async def send() -> tuple[int, str]:
            async with client.post("/query", json=body, headers=headers) as response:
                return response.status, (await response.json())["question_id"]

        async def one_client() -> list[tuple[int, str]]:
            await asyncio.sleep(draw.random() * 0.4)
            return await asyncio.gather(*(send() for _ in range(draw.randint(1, 5))))

        answers = [
            a for each in await asyncio.gather(*(one_client() for _ in range(100))) for a in each
        ]
        [question_id] = {question_id for _, question_id in answers}
        assert (await engine.final(question_id)).status is Status.VALIDATED
        await engine.idle()
    assert len(answers) > 200
    assert {status for status, _ in answers} <= {200, 202}
    assert len(ports.model.calls) == 1
    assert await store.counts() == {Status.VALIDATED: 1}


async def _answer_a_mixture(engine: Engine, model: ScriptedModel) -> list[Any]:
    """Good, weak and dead questions, some after waits of both kinds, some out of retries."""
    asked = [question(f"Question {n}?", question_id=f"q{n:02}") for n in range(48)]
    kinds: list[list[Any]] = [
        [],
        [OVERLOADED, OVERLOADED],
        [BAD],
        ["wrong"] * 3,
        [LIMITED],
        [OVERLOADED] * 3,
    ]
    for n, each in enumerate(asked):
        model.script(each.question_text, *kinds[n % len(kinds)])
    await engine.submit(*asked)
    await engine.finals(*asked)
    await engine.idle()
    return asked


def _limits(forget_after_seconds: float) -> Any:
    policy = replace(LIMITS.policy, overload_max_retries=2)
    return replace(LIMITS, policy=policy, forget_after_seconds=forget_after_seconds)


async def _forgotten(engine: Engine, model: ScriptedModel, asked: list[Any]) -> None:
    """Keep questions coming until the tables have forgotten the first ones."""
    tables = [engine.app.tables[name] for name in ("generations", "retries")]

    async def none_left() -> bool:
        later = [question(f"Later {uuid4().hex}?") for _ in range(PARTITIONS * 4)]
        for each in later:
            model.script(each.question_text, OVERLOADED)
        await engine.submit(*later)
        await engine.finals(*later)
        await engine.idle()
        return not any(each.question_id in table for each in asked for table in tables)

    await poll(none_left, 30)


@pytest.mark.parametrize("forget", [600.0, 0.05], ids=["tables-know", "tables-forgot"])
@pytest.mark.parametrize("kind", ["memory", "log"])
async def test_i2_a_replay_of_the_whole_embedded_log_changes_nothing(
    postgres_dsn: str, store: PostgresStore, tmp_path: Path, kind: str, forget: float
) -> None:
    model = ScriptedModel(lambda prompt: "An answer")
    ports = make_ports(model=model, store=store)
    settings = {"data_dir": tmp_path}
    broker = "log:" if kind == "log" else f"memory://{uuid4().hex}"
    limits = _limits(forget)
    async with pipeline(broker, ports, limits=limits, keep=True, **settings) as engine:
        asked = await _answer_a_mixture(engine, model)
        if forget < 1:
            await _forgotten(engine, model, asked)
        before, calls = await contents(postgres_dsn), len(model.calls)
        start = {TP(topic, p): 0 for topic in engine.names for p in range(PARTITIONS)}
        log, group = engine.log, engine.app.conf.id
    await log.commit(group, start)
    async with pipeline(broker, ports, limits=limits, **settings) as engine:
        await engine.idle()
        _was_replayed(engine)
    assert len(model.calls) == calls
    assert await contents(postgres_dsn) == before


@pytest.mark.kafka
@pytest.mark.parametrize(
    "forget",
    [
        pytest.param(600.0, marks=pytest.mark.long, id="tables-know"),
        pytest.param(0.05, id="tables-forgot"),
    ],
)
async def test_i2_a_group_reset_to_offset_zero_on_kafka_changes_nothing(
    kafka: KafkaServer, postgres_dsn: str, store: PostgresStore, forget: float
) -> None:
    model = ScriptedModel(lambda prompt: "An answer")
    ports = make_ports(model=model, store=store)
    name = f"t{uuid4().hex[:8]}"
    settings = {"app_id": name, "topic_prefix": f"{name}."}
    broker, limits = f"kafka://{kafka.bootstrap}", _limits(forget)
    async with pipeline(broker, ports, limits=limits, **settings) as engine:
        asked = await _answer_a_mixture(engine, model)
        if forget < 1:
            await _forgotten(engine, model, asked)
        group, topics = engine.app.conf.id, list(engine.names)
    before, calls = await contents(postgres_dsn), len(model.calls)
    await back_to_zero(kafka.bootstrap, group, topics)
    async with pipeline(broker, ports, limits=limits, **settings) as engine:
        await engine.idle()
        _was_replayed(engine)
    assert len(model.calls) == calls
    assert await contents(postgres_dsn) == before


def _was_replayed(engine: Engine) -> None:
    """The replay went through every stage: repeats were dropped, outcomes taken from the ledger."""
    metrics = engine.context.metrics
    assert metrics.total("repeats_dropped") >= 48
    assert metrics.total("calls_reused") >= 48
    assert metrics.total("questions_settled") >= 48


async def test_i3_a_late_first_attempt_overwrites_nothing_of_the_second(
    postgres_dsn: str, store: PostgresStore, broker: str
) -> None:
    """It comes late to the ledger, as an answer and as a failure to the log, and as a due wait."""
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [OVERLOADED]})
    ports = make_ports(model=model, store=store)
    async with pipeline(broker, ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        assert (row.status, row.turn) == (Status.VALIDATED, Turn(0, 1, 2))
        before = await contents(postgres_dsn)
        first = CallKey(asked.question_id, 0, 1, 1)
        late = CallAnswer("A late answer", 1.0)
        assert not await store.record_answer(first, "somebody", late)
        facts = {**asked.carried(), "attempt": 1}
        answer = LlmAnswer(
            **facts, answer="A late answer", answered_at=asked.accepted_at, seconds=1
        )
        failure = LlmFailure(**facts, cause="overloaded", failed_at=asked.accepted_at)
        due = RetryDue(question_id=asked.question_id, round=0, generation=1, attempt=1, due_at=1e9)
        await engine.send(engine.names.llm_responses_error, failure)
        await engine.send(engine.names.errors_overload, failure)
        await engine.send(engine.names.retries_due, due)
        await engine.send(engine.names.llm_requests, LlmRequest(**facts))
        await engine.idle()
        assert await contents(postgres_dsn) == before
        await engine.send(engine.names.llm_responses_success, answer)
        await engine.idle()
        after = await contents(postgres_dsn)
        assert after["questions"] == before["questions"]
        assert after["dead_letters"] == before["dead_letters"]
    assert len(model.calls) == 2


@pytest.mark.parametrize("generations", [1, 3, 5])
async def test_t6_an_answer_that_is_always_weak_is_asked_exactly_as_often_as_allowed(
    store: PostgresStore, broker: str, generations: int
) -> None:
    model = ScriptedModel(lambda prompt: "wrong")
    ports = make_ports(model=model, store=store)
    limits = replace(LIMITS, max_generations=generations)
    async with pipeline(broker, ports, limits=limits) as engine:
        asked = [question(f"Question {n}?") for n in range(10)]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        await engine.idle()
        assert len(engine.messages(engine.names.llm_requests)) == 10 * generations
    assert {row.status for row in rows} == {Status.LOW_QUALITY}
    assert {len(row.attempts) for row in rows} == {generations}
    assert len(model.calls) == 10 * generations


async def test_t6_a_forged_or_missing_attempt_number_changes_nothing(
    postgres_dsn: str, store: PostgresStore, broker: str
) -> None:
    model = ScriptedModel(lambda prompt: "wrong")
    ports = make_ports(model=model, store=store)
    async with pipeline(broker, ports, partitions=1) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        assert (await engine.final(asked.question_id)).status is Status.LOW_QUALITY
        await engine.idle()
        before = (await contents(postgres_dsn))["questions"]
        for forged in _forgeries(asked):
            await engine.send_raw(*_on_its_topic(engine, asked, forged))
        await engine.idle()
        after = await contents(postgres_dsn)
        letters = await store.dead_letters(limit=100)
    assert after["questions"] == before
    assert len(model.calls) == 3
    assert len(letters) >= 6, "what fits no topic, or no limit, is kept as a dead letter"


def _forgeries(asked: Question) -> list[tuple[str, dict[str, Any]]]:
    """Topic and fields: numbers that are missing, or that no stage of ours can have written."""
    plain = json.loads(WireGate(Question).encode(asked))
    call = {**plain, "type": "answerloop.LlmRequest"}
    missing = {k: v for k, v in plain.items() if k not in ("attempt", "generation", "round")}
    return [
        ("questions_pending", missing),
        ("questions_pending", {**plain, "attempt": 7}),
        ("questions_pending", {**plain, "generation": 2, "attempt": 5}),
        ("questions_pending", {**plain, "generation": 99}),
        ("questions_pending", {**plain, "attempt": 0}),
        ("questions_pending", {**plain, "attempt": "2"}),
        ("questions_pending", {**plain, "generation": None}),
        ("llm_requests", {k: v for k, v in call.items() if k not in ("attempt", "generation")}),
        ("llm_requests", {**call, "attempt": 9_999}),
        ("llm_requests", {**call, "generation": 9_999}),
        ("llm_requests", {**call, "attempt": 10_001}),
        ("llm_requests", {**call, "attempt": -1}),
    ]


def _on_its_topic(
    engine: Engine, asked: Question, forged: tuple[str, dict[str, Any]]
) -> tuple[str, bytes, bytes]:
    topic, fields = forged
    return getattr(engine.names, topic), asked.question_id.encode(), json.dumps(fields).encode()


async def test_c3_an_owner_frozen_past_its_lease_overwrites_nothing(
    postgres_dsn: str, store: PostgresStore
) -> None:
    """What a worker does when it wakes: whatever it had begun, somebody else has finished."""
    asked = question("Why?", question_id="q1")
    key = CallKey("q1", 0, 1, 1)
    claim = ClaimRequest(key, "zombie", 0.05, "scripted", asked.accepted_at)
    assert await store.claim(claim) == Claimed()

    async def taken_over() -> bool:
        taken = await store.claim(replace(claim, owner="heir", lease_seconds=60.0))
        return taken == Claimed()

    await poll(taken_over)
    assert await store.renew("zombie", 60.0, 0) == 0, "what it has lost it can't renew"
    await store.unclaim(key, "zombie", made=True)
    assert not await store.record_failure(key, "zombie", CallFailure("timeout", "", 9.0, 1e9))
    assert isinstance(await store.claim(claim), Busy), "the heir still has the call"
    assert await store.record_answer(key, "heir", CallAnswer("An answer", 1.0))
    before = await contents(postgres_dsn)
    assert not await store.record_answer(key, "zombie", CallAnswer("A late answer", 99.0))
    assert not await store.record_failure(key, "zombie", CallFailure("timeout", "", 9.0, 1e9))
    await store.unclaim(key, "zombie")
    assert await store.renew("zombie", 60.0, 0) == 0
    await store.waiting([Waiting("q1", Turn(0, 1, 1), 2e9, "timeout")])
    assert await store.claim(claim) == CallAnswer("An answer", 1.0)
    assert await contents(postgres_dsn) == before

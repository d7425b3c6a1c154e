"""`POST /query`, `GET /questions/{id}` and `GET /questions`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.identity import question_id
from app.errors import llm_failed
from app.ports import Accepted
from tests.core.test_questions import FIELDS
from tests.flow.engine import make_ports
from tests.flow.faulty import FaultyStore, NoCache
from tests.web.client import serving

ASK = {"question_text": "Why?", "original_answer": "An answer", "metadata": {"a": [1]}}
BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


async def test_a_question_is_accepted_and_found_under_its_id() -> None:
    async with serving() as api:
        status, body = await api.query(ASK)
        assert (status, body["status"]) == (202, "accepted")
        assert body["question_id"] == question_id("Why?", "An answer", "scripted")
        assert set(body) == {"question_id", "status"}
        await api.engine.final(body["question_id"])
        status, row = await api.get(f"/questions/{body['question_id']}")
    assert status == 200
    assert list(row) == FIELDS
    assert (row["status"], row["answer"], row["f1"]) == ("validated", "An answer", 1.0)
    assert row["metadata"] == {"a": [1]}
    assert len(row["attempts"]) == 1


async def test_waiting_returns_the_end() -> None:
    async with serving() as api:
        status, row = await api.query(ASK, wait=30)
    assert (status, row["status"]) == (200, "validated")


async def test_waiting_in_vain_returns_the_state_so_far() -> None:
    async with serving(make_ports(model=ScriptedModel(seconds=3.0))) as api:
        started = time.monotonic()
        status, body = await api.query(ASK, wait=0.5)
        assert 0.5 <= time.monotonic() - started < 2.9
    assert (status, body["status"]) == (202, "asking")


async def test_who_waited_in_vain_finds_the_question_though_no_stage_came_to_it() -> None:
    class LateStage(FaultyStore):
        """Takes what the stage stores first only when it is let go."""

        def __init__(self) -> None:
            super().__init__()
            self.go, self.accepted = asyncio.Event(), 0

        async def accept(self, questions: Sequence[Accepted]) -> set[str]:
            self.accepted += 1
            if self.accepted == 1:
                await self.go.wait()
            return await self.inner.accept(questions)

    store = LateStage()
    async with serving(make_ports(store=store)) as api:
        status, body = await api.query(ASK, wait=0.3)
        assert (status, body["status"]) == (202, "accepted")
        status, row = await api.get(f"/questions/{body['question_id']}")
        assert (status, row["status"]) == (200, "accepted")
        store.go.set()
        await api.engine.final(body["question_id"])


async def test_what_was_answered_is_answered_from_the_cache() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        await api.query(ASK, wait=30)
        await api.engine.idle()
        status, row = await api.query({**ASK, "question_text": "  Why? "})
        _, metrics = await api.get("/metrics")
    assert (status, row["status"], list(row)) == (200, "validated", FIELDS)
    assert len(ports.model.calls) == 1
    assert (metrics["cache_hits"], metrics["cache_misses"]) == (1, 1)


async def test_the_cache_is_asked_before_the_database() -> None:
    store = FaultyStore()
    async with serving(make_ports(store=store)) as api:
        await api.query(ASK, wait=30)
        await api.engine.idle()
        store.down = True
        status, row = await api.query(ASK)
        assert (status, row["status"]) == (200, "validated")
        status, again = await api.get(f"/questions/{row['question_id']}")
        assert (status, again) == (200, row)
        assert (await api.get("/questions/unknown"))[0] == 503


async def test_without_a_cache_the_database_answers() -> None:
    ports = make_ports(cache=NoCache())
    async with serving(ports) as api:
        await api.query(ASK, wait=30)
        status, row = await api.query(ASK)
    assert (status, row["status"], len(ports.model.calls)) == (200, "validated", 1)


@pytest.mark.parametrize("answer", ["wrong", "An answer"])
async def test_weak_and_unscored_answers_count_as_answered(answer: str) -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: answer))
    body = ASK if answer == "wrong" else {"question_text": "Why?"}
    async with serving(ports) as api:
        _, first = await api.query(body, wait=30)
        calls = len(ports.model.calls)
        status, second = await api.query(body)
    assert first["status"] == second["status"]
    assert first["status"] in {"low_quality", "unscored"}
    assert (status, len(ports.model.calls)) == (200, calls)


async def test_a_dead_question_is_asked_again_as_a_new_round() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    async with serving(make_ports(model=model)) as api:
        status, dead = await api.query(ASK, wait=30)
        assert (status, dead["status"], dead["cause"]) == (200, "dead", "bad_request")
        await api.engine.idle()
        status, row = await api.query(ASK, wait=30)
    assert (status, row["status"], row["round"]) == (200, "validated", 1)
    assert row["question_id"] == dead["question_id"]


async def test_fresh_asks_anew_under_a_new_id() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        _, first = await api.query(ASK, wait=30)
        _, fresh = await api.query({**ASK, "fresh": True}, wait=30)
        _, fresher = await api.query({**ASK, "fresh": True}, wait=30)
    assert len({first["question_id"], fresh["question_id"], fresher["question_id"]}) == 3
    assert UUID(fresh["question_id"]).version == 7
    assert len(ports.model.calls) == 3

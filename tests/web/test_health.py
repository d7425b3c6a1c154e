"""Health and readiness, with each dependency there and away; the figures."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.errors import UnavailableError
from tests.flow.engine import make_ports
from tests.flow.faulty import FaultyStore, NoCache
from tests.web.client import serving

ASK = {"question_text": "Why?"}


async def test_a_healthy_worker_says_so_for_each_dependency() -> None:
    async with serving() as api:
        status, body = await api.get("/health")
        assert await api.get("/livez") == (200, {"status": "alive"})
        assert await api.get("/readyz") == (200, {"status": "ready"})
    assert (status, body["status"], body["service"]) == (200, "healthy", "answerloop")
    assert set(body["dependencies"]) == {"broker", "database", "cache", "model", "scorer"}
    for each in body["dependencies"].values():
        assert set(each) == {"status", "detail"}
        assert each["status"] == "up"


@pytest.mark.parametrize("name", ["database", "cache", "scorer"])
async def test_with_one_dependency_away_a_worker_is_degraded_but_serves(name: str) -> None:
    store, scorer = FaultyStore(), OverlapScorer()
    cache = {"cache": NoCache()} if name == "cache" else {}
    async with serving(make_ports(store=store, scorer=scorer, **cache)) as api:
        store.down, scorer.available = name == "database", name != "scorer"
        status, body = await api.get("/health")
        assert (await api.get("/readyz"))[0] == 200
        store.down = False
    assert (status, body["status"]) == (200, "degraded")
    down = [key for key, each in body["dependencies"].items() if each["status"] == "down"]
    assert down == [name]
    assert body["dependencies"][name]["detail"]


@pytest.mark.parametrize("trouble", ["raises", "hangs", "breaks"])
async def test_a_check_that_misbehaves_is_only_a_dependency_that_is_down(
    trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.health.CHECK_SECONDS", 0.2)

    class Odd(ScriptedModel):
        async def check(self) -> str:
            if trouble == "hangs":
                await asyncio.sleep(60)
            raise UnavailableError("gone") if trouble == "raises" else KeyError("bug")

    async with serving(make_ports(model=Odd())) as api:
        status, body = await api.get("/health")
    assert (status, body["status"]) == (200, "degraded")
    assert body["dependencies"]["model"]["status"] == "down"


async def test_without_its_broker_a_worker_is_unhealthy_and_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as api:

        async def gone() -> str:
            raise UnavailableError("no broker")

        monkeypatch.setattr(api.engine.app, "ask_broker", gone)
        status, body = await api.get("/health")
        assert (status, body["status"]) == (503, "unhealthy")
        status, body = await api.get("/readyz")
        assert (status, body["error"]["code"]) == (503, "not_ready")
        assert (await api.get("/livez"))[0] == 200


async def test_a_worker_that_starts_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as api:
        monkeypatch.setattr(api.engine.context, "opened", None)
        status, body = await api.get("/readyz")
        assert (status, body["error"]["message"]) == (503, "starting")
        assert (await api.get("/livez"))[0] == 200


async def test_a_worker_that_stops_is_not_ready() -> None:
    async with serving() as api:
        stopping = asyncio.create_task(api.engine.app.stop())
        await asyncio.sleep(0)
        status, body = await api.get("/readyz")
        assert (status, body["error"]["message"]) == (503, "stopping")
        await stopping


async def test_figures_come_as_json_and_as_prometheus_text() -> None:
    async with serving() as api:
        await api.query({"question_text": "Why?", "original_answer": "An answer"}, wait=30)
        await api.engine.idle()
        status, figures = await api.get("/metrics")
        headers = {"Accept": "text/plain;version=0.0.4"}
        async with api.client.get("/metrics", headers=headers) as response:
            text = await response.text()
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert status == 200
    assert {"total_responses", "cache_hits", "db_errors"} <= set(figures)
    assert (figures["total_responses"], figures["questions_accepted"]) == (1, 1)
    assert figures["settled_by_status"] == {"validated": 1}
    assert figures["model_calls_by_outcome"] == {"answered": 1}
    assert 'answerloop_questions_settled_total{status="validated"} 1.0' in text
    assert "answerloop_model_call_seconds_count 1.0" in text

"""Scores, health, figures, and what every route has in common."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScoreFailure, UnavailableError
from app.settings import load_settings
from app.web.server import make_web_app
from tests.flow.engine import make_ports, running
from tests.flow.faulty import FaultyStore, NoCache
from tests.web.client import serving

ASK = {"question_text": "Why?"}
TOKEN = "canary-token-1234"


# -- scores


async def test_one_pair_is_scored_with_its_verdict() -> None:
    async with serving() as api:
        pair = {"candidate": "one two", "reference": "one two"}
        status, body = await api.call("POST", "/score", json=pair)
    assert status == 200
    assert body == {
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "cut": False,
        "verdict": "pass",
        "guards": [],
        "scorer": "overlap:0",
        "model": "overlap",
        "layer": 0,
        "rescaled": False,
        "library": "answerloop overlap",
        "threshold": 0.6,
        "metric": "f1",
        "gate": "settings",
    }


async def test_a_score_names_the_guards_that_would_object() -> None:
    pair = {"candidate": "It fell in 1990.", "reference": "It fell in 1989."}
    async with serving() as api:
        _, body = await api.call("POST", "/score", json=pair)
    assert body["verdict"] == "pass"
    assert body["guards"] == ["guard numbers_changed: the reference says 1989, the answer 1990"]


async def test_pairs_are_scored_in_order() -> None:
    pairs = [{"candidate": "a", "reference": "a"}, {"candidate": "a", "reference": "b"}]
    async with serving() as api:
        status, body = await api.call("POST", "/score", json={"pairs": pairs})
    assert status == 200
    assert [(row["f1"], row["verdict"]) for row in body["scores"]] == [(1.0, "pass"), (0.0, "fail")]
    assert (body["model"], body["threshold"]) == ("overlap", 0.6)


async def test_bad_score_bodies_name_their_field() -> None:
    pair = {"candidate": "a", "reference": "b"}
    cases: list[tuple[Any, str | None]] = [
        ({}, "candidate"),
        ({"candidate": "a"}, "reference"),
        ({"candidate": 1, "reference": "b"}, "candidate"),
        ({**pair, "surprise": 1}, "surprise"),
        ({"pairs": []}, "pairs"),
        ({"pairs": [pair] * 257}, "pairs"),
        ({"pairs": [pair], "candidate": "a"}, "candidate"),
        ({"pairs": pair}, "pairs"),
    ]
    async with serving() as api:
        for body, field in cases:
            status, found = await api.call("POST", "/score", json=body)
            assert (status, found["error"]["field"]) == (422, field), body
        assert (await api.raw(b"{", "/score"))[0] == 400


async def test_a_scorer_that_is_away_is_503_and_one_that_fails_is_422() -> None:
    scorer = OverlapScorer([ScoreFailure("not a number")])
    pair = {"candidate": "a", "reference": "b"}
    async with serving(make_ports(scorer=scorer)) as api:
        assert (await api.call("POST", "/score", json=pair))[0] == 422
        scorer.available = False
        async with api.client.post("/score", json=pair) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers


# -- health


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


# -- figures


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


async def test_the_index_lists_every_route() -> None:
    async with serving() as api:
        status, body = await api.get("/")
    assert (status, body["service"]) == (200, "answerloop")
    assert {"POST /query", "GET /questions/{id}", "POST /score", "GET /health"} <= set(
        body["routes"]
    )


# -- what all routes have in common


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/questions/a/b", 404, "not_found"),
        ("GET", "/query", 405, "method_not_allowed"),
        ("DELETE", "/questions/a", 405, "method_not_allowed"),
        ("PUT", "/score", 405, "method_not_allowed"),
    ],
)
async def test_unknown_routes_are_json_errors(
    method: str, path: str, status: int, code: str
) -> None:
    async with serving() as api, api.client.request(method, path) as response:
        body = await response.json()
        assert (response.status, body["error"]["code"]) == (status, code)
        assert ("Allow" in response.headers) == (status == 405)
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_defect_in_a_handler_is_a_500_without_details(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as api:

        async def broken(*_: Any) -> Any:
            raise KeyError("canary")

        monkeypatch.setattr(api.engine.ports.store, "question", broken)
        async with api.client.get("/questions/q1") as response:
            text = await response.text()
            assert response.status == 500
    assert "canary" not in text
    assert '"internal"' in text


async def test_a_body_that_can_not_be_unpacked_is_400_and_a_bomb_is_413() -> None:
    headers = {"Content-Encoding": "gzip", "Connection": "close"}
    async with serving() as api:
        post = {"method": "POST", "path": "/query", "headers": headers}
        status, _ = await api.call(**post, data=gzip.compress(b'{"question_text": "Why?"}'))
        assert status == 202
        status, body = await api.call(**post, data=b"this is not gzip")
        assert (status, set(body)) == (400, {"error"})
        status, body = await api.call(**post, data=gzip.compress(b" " * 10_000_000))
        assert (status, body["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} ü",
    ],
)
async def test_writes_without_the_token_are_401_and_do_nothing(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with serving(api_token=TOKEN) as api:
        for path in ("/query", "/score"):
            async with api.client.post(path, json=ASK, headers=headers) as response:
                text = await response.text()
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert TOKEN not in text
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_with_the_token_writes_go_through_and_reads_need_none() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(api_token=TOKEN) as api:
        assert (await api.call("POST", "/query", json=ASK, headers=headers))[0] == 202
        for path in ("/", "/health", "/livez", "/readyz", "/metrics", "/questions"):
            assert (await api.get(path))[0] == 200


async def test_headers_that_are_no_text_are_refused_not_a_500() -> None:
    """Raw bytes, as no well-behaved client sends them."""
    async with running(make_ports()) as engine:
        settings = load_settings(api_token=TOKEN)
        async with TestServer(make_web_app(engine.context, settings)) as server:
            bad_token = b"Authorization: Bearer \xff\xfe"
            assert await _raw_post(server, bad_token) == 401
            good = f"Authorization: Bearer {TOKEN}".encode()
            assert await _raw_post(server, good, b"Idempotency-Key: k\xff\xfe") == 422
            assert await _raw_post(server, good, b"Idempotency-Key: k") == 202


async def _raw_post(server: TestServer, *headers: bytes) -> int:
    body = b'{"question_text": "Why?"}'
    lines = [b"POST /query HTTP/1.1", b"Host: x", b"Connection: close", *headers]
    lines += [b"Content-Length: %d" % len(body), b"", body]
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"\r\n".join(lines))
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])

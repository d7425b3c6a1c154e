"""The score server: the routes of a worker's scoring, on their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScoreFailure, SettingsError
from app.scoring.server import ScoreServer, refuse_other_scorers
from app.settings import load_settings
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED

PAIR = {"candidate": PARAPHRASE, "reference": FRANCE}
TOKEN = "a-token-of-the-score-server"


class Client:
    """Asks a started server; every answer is (status, JSON, headers)."""

    def __init__(self, session: aiohttp.ClientSession, server: ScoreServer) -> None:
        self.session = session
        self.server = server

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        url = f"{self.server.url}{path}"
        async with self.session.request(method, url, **options) as response:
            return response.status, json.loads(await response.read()), response.headers

    async def score(self, body: Any = None, **options: Any) -> tuple[int, Any, Any]:
        return await self.call("POST", "/score", json=body or PAIR, **options)


@asynccontextmanager
async def serving(
    scorer: OverlapScorer | None = None, *, loaded: bool = True, queue: int = 100, **settings: Any
) -> AsyncIterator[Client]:
    found = load_settings(**{"scorer": "memory:", "http_port": 0, **settings})
    server = ScoreServer(found, scorer or OverlapScorer(), max_queue=queue, max_batch=8)
    await server.start()
    if loaded:
        await server.load()
    async with aiohttp.ClientSession() as session:
        yield Client(session, server)
    await server.stop()


async def test_a_pair_and_pairs_get_what_a_worker_answers() -> None:
    async with serving(quality_threshold=0.6) as client:
        status, one, _ = await client.score()
        several = (await client.score({"pairs": [PAIR, {**PAIR, "candidate": UNRELATED}]}))[1]
    assert status == 200
    assert one == {
        **{"precision": 1.0, "recall": 1.0, "f1": 1.0, "verdict": "pass", "guards": []},
        "cut": False,
        **{"scorer": "overlap:0", "model": "overlap", "layer": 0, "rescaled": False},
        **{"library": "answerloop overlap", "threshold": 0.6, "metric": "f1", "gate": "settings"},
    }
    assert [row["verdict"] for row in several["scores"]] == ["pass", "fail"]


async def test_requests_of_one_moment_are_scored_in_shared_batches() -> None:
    scorer = OverlapScorer(seconds=0.02)
    async with serving(scorer) as client:
        await asyncio.gather(*(client.score() for _ in range(40)))
        figures = (await client.call("GET", "/metrics"))[1]
    assert figures["score_pairs"] == 40
    assert figures["score_batches"] <= 12
    assert figures["score_fill"] == pytest.approx(40 / (8 * figures["score_batches"]))


async def test_it_is_ready_once_its_model_is_loaded_and_not_while_its_queue_is_full() -> None:
    scorer = OverlapScorer(seconds=0.5)
    async with serving(scorer, loaded=False, queue=2) as client:
        assert (await client.call("GET", "/livez"))[0] == 200
        status, body, headers = await client.call("GET", "/readyz")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "loaded" in body["error"]["message"]
        assert (await client.call("GET", "/health"))[0] == 503
        await client.server.load()
        assert (await client.call("GET", "/readyz"))[0] == 200
        held = asyncio.ensure_future(client.score({"pairs": [PAIR] * 2}))
        await asyncio.sleep(0.1)
        status, body, headers = await client.score()
        assert (status, body["error"]["code"]) == (503, "unavailable")
        assert int(headers["Retry-After"]) >= 1
        assert (await client.call("GET", "/readyz"))[0] == 503
        status, health, _ = await client.call("GET", "/health")
        assert (status, health["status"]) == (200, "degraded")
        assert (await held)[0] == 200
        assert (await client.score())[0] == 200


async def test_a_client_that_hangs_up_takes_its_pairs_along() -> None:
    scorer = OverlapScorer(seconds=0.3)
    async with serving(scorer) as client:
        first = asyncio.ensure_future(client.score())
        await asyncio.sleep(0.1)
        gone = asyncio.ensure_future(client.score({"pairs": [{**PAIR, "candidate": "gone"}] * 9}))
        await asyncio.sleep(0.1)
        gone.cancel()
        assert (await first)[0] == 200
        assert (await client.score())[0] == 200
        figures = (await client.call("GET", "/metrics"))[1]
    assert figures["score_pairs_dropped"] == 9
    assert figures["score_queue"] == 0
    assert not any(candidate == "gone" for call in scorer.calls for candidate, _ in call)


async def test_a_stop_answers_what_was_taken_and_refuses_more() -> None:
    async with serving(OverlapScorer(seconds=0.3)) as client:
        taken = asyncio.ensure_future(client.score({"pairs": [PAIR] * 12}))
        await asyncio.sleep(0.1)
        stopping = asyncio.ensure_future(client.server.stop())
        await asyncio.sleep(0.05)
        status, body, headers = await client.score()
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "stops" in body["error"]["message"]
        assert (await taken)[0] == 200
        await stopping
        with pytest.raises(aiohttp.ClientError):
            await client.score()


async def test_a_stop_does_not_wait_for_what_it_can_not_get_done() -> None:
    async with serving(OverlapScorer(seconds=0.4), stop_grace_seconds=0.1) as client:
        taken = asyncio.ensure_future(client.score({"pairs": [PAIR] * 100}))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(client.server.stop(), 5)
        status, _, headers = await taken
    assert (status, headers["Retry-After"]) == (503, "1")


async def test_a_stop_does_not_wait_for_a_model_that_is_being_loaded() -> None:
    class Loading(OverlapScorer):
        async def check(self) -> str:
            await asyncio.sleep(60)
            return await super().check()

    async with serving(Loading(), loaded=False) as client:
        early = asyncio.ensure_future(client.score())
        await asyncio.sleep(0.1)
        await asyncio.wait_for(client.server.stop(), 2)
        assert (await early)[0] == 503


async def test_a_token_is_asked_for_scores_and_not_for_the_state() -> None:
    async with serving(api_token=TOKEN) as client:
        status, _, headers = await client.score()
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (await client.score(headers={"Authorization": f"Bearer {TOKEN}"}))[0] == 200
        for path in ("/", "/health", "/livez", "/readyz", "/metrics", "/openapi.json"):
            assert (await client.call("GET", path))[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 30_000, 422),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"pairs": []}', 422),
        (b'{"candidate": "a", "reference": null}', 422),
        (b'{"candidate": "a", "reference": "b", "threshold": 0}', 422),
        (json.dumps({"pairs": [PAIR] * 257}).encode(), 422),
        (b'{"candidate": "' + b"x" * 70_000 + b'", "reference": "b"}', 413),
    ],
)
async def test_a_body_that_can_not_be_is_refused_with_its_reason(body: bytes, status: int) -> None:
    async with serving() as client:
        found, answer, headers = await client.call("POST", "/score", data=body)
        assert (await client.score())[0] == 200
    assert found == status
    assert answer["error"]["message"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_pair_without_a_score_is_422_and_pages_of_other_sites_are_refused() -> None:
    scorer = OverlapScorer([ScoreFailure("not a number")])
    async with serving(scorer) as client:
        assert (await client.score())[0] == 422
        assert (await client.score(headers={"Origin": "https://evil.example"}))[0] == 403
        assert (await client.score(headers={"Host": "evil.example"}))[0] == 421


async def test_its_description_has_its_routes_and_no_other() -> None:
    async with serving() as client:
        routes = (await client.call("GET", "/"))[1]["routes"]
        document = (await client.call("GET", "/openapi.json"))[1]
        async with client.session.get(
            f"{client.server.url}/metrics", headers={"Accept": "text/plain"}
        ) as response:
            figures = await response.text()
    described = {f"{m.upper()} {p}" for p, methods in document["paths"].items() for m in methods}
    assert set(routes) == described
    assert "POST /score" in described
    assert not any("question" in route for route in described)
    assert "answerloop_score_queue 0.0" in figures
    assert "questions" not in figures


async def test_a_port_that_is_taken_is_said_so() -> None:
    async with serving() as client:
        port = int(str(client.server.url).rpartition(":")[2])
        other = ScoreServer(load_settings(scorer="memory:", http_port=port), OverlapScorer())
        with pytest.raises(SettingsError, match="can't listen"):
            await other.start()


def test_it_scores_by_itself_only_and_needs_a_token_beyond_loopback() -> None:
    with pytest.raises(SettingsError, match="ANSWERLOOP_SCORER"):
        refuse_other_scorers(load_settings(scorer="http://127.0.0.1:8000"))
    with pytest.raises(SettingsError, match="API_TOKEN"):
        load_settings(http_host="0.0.0.0")

"""The scorer over HTTP, against a small server of the same API."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from app.adapters.scorer.http import HttpScorer
from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScoreFailure, ScorerUnavailable, SettingsError
from app.fake_llm import FAULTS, free_port, unaccepting_port
from app.fake_llm.faults import send_fault
from app.ports import Scorer
from tests.adapters.scorer_contract import FRANCE, PARAPHRASE, UNRELATED, ScorerContract


@dataclass
class ScoreServer:
    """`POST /score` by token overlap. `fault` or `reply` break it; `requests` keeps what came."""

    url: str = ""
    status: int = 200
    reply: str | None = None
    fault: str | None = None
    refuse: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    async def score(self, request: web.Request) -> web.StreamResponse:
        document = await request.json()
        self.requests.append(document)
        self.tokens.append(request.headers.get("Authorization"))
        if self.fault is not None:
            return await send_fault(request, self.fault)
        if self.reply is not None or self.status != 200:
            return web.Response(status=self.status, text=self.reply or "{}")
        pairs = [(pair["candidate"], pair["reference"]) for pair in document["pairs"]]
        if any(candidate == self.refuse for candidate, _ in pairs):
            return web.json_response({"error": {"code": "invalid"}}, status=422)
        scores = await OverlapScorer().score(pairs)
        rows = [{"precision": s.precision, "recall": s.recall, "f1": s.f1} for s in scores]
        return web.json_response({"scores": rows, "scorer": "overlap:0"})


@pytest.fixture
async def server() -> AsyncIterator[ScoreServer]:
    server = ScoreServer()
    app = web.Application(client_max_size=64 * 1024)
    app.router.add_post("/score", server.score)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def scorer(server: ScoreServer) -> AsyncIterator[Scorer]:
    scorer = HttpScorer(server.url, "canary-token", 10.0)
    yield scorer
    await scorer.close()


class TestHttpScorer(ScorerContract):
    pass


async def test_it_sends_the_token_and_nothing_of_it_shows(
    scorer: HttpScorer, server: ScoreServer
) -> None:
    await scorer.score([(FRANCE, FRANCE)])
    assert server.tokens == ["Bearer canary-token"]
    server.status = 401
    with pytest.raises(ScorerUnavailable, match="401") as caught:
        await scorer.score([(FRANCE, FRANCE)])
    assert "canary" not in str(caught.value)


async def test_pairs_that_arrive_together_go_in_one_request(
    scorer: HttpScorer, server: ScoreServer
) -> None:
    await asyncio.gather(*(scorer.score([(FRANCE, FRANCE)]) for _ in range(20)))
    assert [len(request["pairs"]) for request in server.requests] == [20]


async def test_a_request_stays_within_the_size_that_a_server_takes(
    scorer: HttpScorer, server: ScoreServer
) -> None:
    text = "日本" * 30_000
    scores = await scorer.score([(text, text)] * 5)
    assert [score.f1 for score in scores] == [1.0] * 5
    assert len(server.requests) > 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
async def test_a_server_that_does_not_score_is_unavailable(
    scorer: HttpScorer, server: ScoreServer, status: int
) -> None:
    server.status = status
    with pytest.raises(ScorerUnavailable, match=str(status)):
        await scorer.score([(FRANCE, FRANCE)])
    with pytest.raises(ScorerUnavailable):
        await scorer.check()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "fault", ["no_reply", "half_close", "reset", "short_body", "not_http", "huge_chunked"]
)
async def test_a_broken_connection_is_unavailable(
    scorer: HttpScorer, server: ScoreServer, fault: str
) -> None:
    assert fault in FAULTS
    server.fault = fault
    with pytest.raises(ScorerUnavailable):
        await scorer.score([(FRANCE, FRANCE)])


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_call_ends_with_its_time(server: ScoreServer, fault: str) -> None:
    server.fault = fault
    scorer = HttpScorer(server.url, timeout_seconds=0.3)
    with pytest.raises(ScorerUnavailable):
        await asyncio.wait_for(scorer.score([(FRANCE, FRANCE)]), 5)
    await scorer.close()


async def test_nobody_there_is_unavailable() -> None:
    with free_port() as closed, unaccepting_port() as hanging:
        for port in (closed, hanging):
            scorer = HttpScorer(f"http://127.0.0.1:{port}", timeout_seconds=0.3)
            with pytest.raises(ScorerUnavailable):
                await scorer.check()
            await scorer.close()


@pytest.mark.parametrize(
    "reply",
    ["", "null", "[]", "{}", '{"scores": 5}', '{"scores": [], "scorer": "x:1"}', "[" * 100_000],
)
async def test_a_server_of_something_else_is_unavailable(
    scorer: HttpScorer, server: ScoreServer, reply: str
) -> None:
    server.reply = reply
    with pytest.raises(ScorerUnavailable):
        await scorer.score([(FRANCE, FRANCE)])


@pytest.mark.parametrize(
    "row",
    [
        "null",
        "[]",
        '{"precision": 1, "recall": 1}',
        '{"precision": "much", "recall": 1, "f1": 1}',
        '{"precision": null, "recall": 1, "f1": 1}',
        '{"precision": NaN, "recall": 1, "f1": 1}',
        '{"precision": 1e999, "recall": 1, "f1": 1}',
        '{"precision": 1' + "0" * 400 + ', "recall": 1, "f1": 1}',
    ],
)
async def test_a_pair_without_a_score_is_a_failure_of_that_pair(
    scorer: HttpScorer, server: ScoreServer, row: str
) -> None:
    server.reply = f'{{"scores": [{{"precision": 1, "recall": 1, "f1": 1}}, {row}]}}'
    good, bad = await asyncio.gather(
        scorer.score([(FRANCE, FRANCE)]),
        scorer.score([(UNRELATED, FRANCE)]),
        return_exceptions=True,
    )
    assert not isinstance(good, BaseException)
    assert good[0].f1 == 1.0
    assert isinstance(bad, ScoreFailure)


async def test_a_refused_pair_fails_alone(scorer: HttpScorer, server: ScoreServer) -> None:
    server.refuse = UNRELATED
    results = await asyncio.gather(
        scorer.score([(PARAPHRASE, FRANCE)]),
        scorer.score([(UNRELATED, FRANCE)]),
        return_exceptions=True,
    )
    assert not isinstance(results[0], BaseException)
    assert isinstance(results[1], ScoreFailure)


async def test_its_name_is_the_servers_word(scorer: HttpScorer, server: ScoreServer) -> None:
    assert scorer.name == server.url
    (score,) = await scorer.score([(PARAPHRASE, FRANCE)])
    assert math.isfinite(score.f1)
    assert scorer.name == "overlap:0"


def test_another_scheme_is_refused() -> None:
    with pytest.raises(SettingsError):
        HttpScorer("ftp://host")

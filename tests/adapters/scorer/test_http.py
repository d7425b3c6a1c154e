"""The scorer over HTTP: its contract on the score server itself, faults on a small one."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from app.adapters.scorer.http import HttpScorer
from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScoreFailure, ScorerUnavailable, SettingsError
from app.fake_llm import FAULTS, free_port, unaccepting_port
from app.fake_llm.faults import send_fault
from app.opening import greet_scorer
from app.ports import Scorer
from app.scoring.server import ScoreServer
from app.settings import load_settings
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED, ScorerContract


@dataclass
class FaultyServer:
    """`POST /score` by token overlap. `fault` or `reply` break it; `requests` keeps what came."""

    url: str = ""
    status: int = 200
    reply: str | None = None
    fault: str | None = None
    refuse: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    retry_after: str | None = None
    tokens: list[str | None] = field(default_factory=list)
    seconds: float = 0.0
    open: int = 0
    most_open: int = 0

    async def score(self, request: web.Request) -> web.StreamResponse:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(self.seconds)
        self.open -= 1
        document = await request.json()
        self.requests.append(document)
        self.tokens.append(request.headers.get("Authorization"))
        if self.fault is not None:
            return await send_fault(request, self.fault)
        if self.reply is not None or self.status != 200:
            headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
            return web.Response(status=self.status, text=self.reply or "{}", headers=headers)
        pairs = [(pair["candidate"], pair["reference"]) for pair in document["pairs"]]
        if any(candidate == self.refuse for candidate, _ in pairs):
            return web.json_response({"error": {"code": "invalid"}}, status=422)
        scores = await OverlapScorer().score(pairs)
        rows = [{"precision": s.precision, "recall": s.recall, "f1": s.f1} for s in scores]
        return web.json_response({"scores": rows, "scorer": "overlap:0"})


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    server = FaultyServer()
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
async def scorer(server: FaultyServer) -> AsyncIterator[Scorer]:
    scorer = HttpScorer(server.url, "canary-token", 10.0)
    yield scorer
    await scorer.close()


class TestOnTheScoreServer(ScorerContract):
    @pytest.fixture
    async def scorer(self) -> AsyncIterator[Scorer]:
        found = load_settings(scorer="memory:", http_port=0, api_token="canary-token")
        server = ScoreServer(found, OverlapScorer(), max_queue=50, max_batch=8)
        await server.start()
        scorer = HttpScorer(str(server.url), "canary-token", 10.0)
        yield scorer
        await scorer.close()
        await server.stop()


async def test_it_sends_the_token_and_nothing_of_it_shows(
    scorer: HttpScorer, server: FaultyServer
) -> None:
    await scorer.score([(FRANCE, FRANCE)])
    assert server.tokens == ["Bearer canary-token"]
    server.status = 401
    with pytest.raises(ScorerUnavailable, match="401") as caught:
        await scorer.score([(FRANCE, FRANCE)])
    assert "canary" not in str(caught.value)


async def test_pairs_that_arrive_together_go_in_one_request(
    scorer: HttpScorer, server: FaultyServer
) -> None:
    await asyncio.gather(*(scorer.score([(FRANCE, FRANCE)]) for _ in range(20)))
    assert [len(request["pairs"]) for request in server.requests] == [20]


async def test_two_requests_are_on_the_way_at_a_time_and_no_more(server: FaultyServer) -> None:
    scorer = HttpScorer(server.url, timeout_seconds=10.0, max_batch=4)
    server.seconds = 0.05
    calls = [asyncio.ensure_future(scorer.score([(FRANCE, FRANCE)])) for _ in range(30)]
    await asyncio.gather(*calls)
    assert server.most_open == 2
    await scorer.close()


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    scorer: HttpScorer, server: FaultyServer
) -> None:
    server.status, server.retry_after = 503, "1"
    server.reply = '{"error": {"code": "unavailable", "message": "40 pairs wait here"}}'
    began = time.monotonic()
    with pytest.raises(ScorerUnavailable, match="40 pairs wait here"):
        await scorer.score([(FRANCE, FRANCE)])
    server.status, server.reply = 200, None
    with pytest.raises(ScorerUnavailable, match="come back"):
        await scorer.check()
    (score,), _ = await asyncio.gather(
        scorer.score([(FRANCE, FRANCE)]), scorer.score([(PARAPHRASE, FRANCE)])
    )
    assert score.f1 == 1.0
    assert time.monotonic() - began >= 1.0
    assert len(server.requests) == 2


async def test_closing_does_not_wait_for_a_busy_server(server: FaultyServer) -> None:
    scorer = HttpScorer(server.url)
    server.status, server.retry_after = 503, "20"
    with pytest.raises(ScorerUnavailable):
        await scorer.score([(FRANCE, FRANCE)])
    waiting = asyncio.ensure_future(scorer.score([(FRANCE, FRANCE)]))
    await asyncio.sleep(0.01)
    await asyncio.wait_for(scorer.close(), 2)
    with pytest.raises(ScorerUnavailable, match="closed"):
        await waiting


@pytest.mark.parametrize("retry_after", ["", "soon", "-3", "1e9", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_a_time_that_is_no_number_of_seconds_is_no_pause(
    scorer: HttpScorer, server: FaultyServer, retry_after: str
) -> None:
    server.status, server.retry_after = 503, retry_after
    for _ in range(2):
        with pytest.raises(ScorerUnavailable):
            await asyncio.wait_for(scorer.score([(FRANCE, FRANCE)]), 1)
    assert len(server.requests) == 2


async def test_a_full_score_server_is_waited_for_and_every_pair_is_scored_once() -> None:
    found = load_settings(scorer="memory:", http_port=0)
    behind = OverlapScorer(seconds=0.05)
    server = ScoreServer(found, behind, max_queue=4, max_batch=4)
    await server.start()
    await server.load()
    clients = [HttpScorer(str(server.url), max_batch=2) for _ in range(3)]

    async def scored(client: HttpScorer, at: int) -> None:
        while True:
            try:
                (score,) = await client.score([(f"{FRANCE} {at}", FRANCE)])
            except ScorerUnavailable:
                continue
            assert score.f1 > 0.9
            return

    work = (scored(client, at) for client in clients for at in range(6))
    await asyncio.wait_for(asyncio.gather(*work), 30)
    assert server.metrics.total("score_pairs") == 18
    assert 0 < server.metrics.total("score_requests_refused") < 40
    for client in clients:
        await client.close()
    await server.stop()


async def test_a_request_stays_within_the_size_that_a_server_takes(
    scorer: HttpScorer, server: FaultyServer
) -> None:
    text = "日本" * 30_000
    scores = await scorer.score([(text, text)] * 5)
    assert [score.f1 for score in scores] == [1.0] * 5
    assert len(server.requests) > 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
async def test_a_server_that_does_not_score_is_unavailable(
    scorer: HttpScorer, server: FaultyServer, status: int
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
    scorer: HttpScorer, server: FaultyServer, fault: str
) -> None:
    assert fault in FAULTS
    server.fault = fault
    with pytest.raises(ScorerUnavailable):
        await scorer.score([(FRANCE, FRANCE)])


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_call_ends_with_its_time(server: FaultyServer, fault: str) -> None:
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
    scorer: HttpScorer, server: FaultyServer, reply: str
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
        '{"precision": 87.3, "recall": 91.0, "f1": 89.1}',
        '{"precision": true, "recall": true, "f1": true}',
        '{"precision": "0.9", "recall": "0.9", "f1": "0.9"}',
        '{"precision": 1' + "0" * 400 + ', "recall": 1, "f1": 1}',
    ],
)
async def test_a_pair_without_a_score_is_a_failure_of_that_pair(
    scorer: HttpScorer, server: FaultyServer, row: str
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


async def test_a_refused_pair_fails_alone(scorer: HttpScorer, server: FaultyServer) -> None:
    server.refuse = UNRELATED
    results = await asyncio.gather(
        scorer.score([(PARAPHRASE, FRANCE)]),
        scorer.score([(UNRELATED, FRANCE)]),
        return_exceptions=True,
    )
    assert not isinstance(results[0], BaseException)
    assert isinstance(results[1], ScoreFailure)


async def test_its_name_is_the_servers_word(scorer: HttpScorer, server: FaultyServer) -> None:
    assert scorer.name == server.url
    (score,) = await scorer.score([(PARAPHRASE, FRANCE)])
    assert math.isfinite(score.f1)
    assert scorer.name == "overlap:0"


async def test_the_start_tells_which_gate_a_scorer_elsewhere_puts_in_force(
    server: FaultyServer,
) -> None:
    settings = load_settings(scorer=server.url)
    for name, gate in {"minilm-l6:6": "profile minilm-l6", "roberta-large:17": "settings"}.items():
        server.reply = (
            f'{{"scores": [{{"precision": 1, "recall": 1, "f1": 1}}], "scorer": "{name}"}}'
        )
        scorer = HttpScorer(server.url)
        with capture_logs() as lines:
            await greet_scorer(settings, scorer)
        await scorer.close()
        assert [(each["event"], each["scorer"], each["gate"]) for each in lines] == [
            ("scorer_elsewhere", name, gate)
        ]


def test_another_scheme_is_refused() -> None:
    with pytest.raises(SettingsError):
        HttpScorer("ftp://host")


async def test_a_text_that_was_cut_here_or_there_is_said_to_be(
    scorer: HttpScorer, server: ScoreServer
) -> None:
    scores = await scorer.score([(FRANCE, FRANCE), (FRANCE, "word " * 1_300)])
    assert [score.cut for score in scores] == [False, True]
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "cut": True}
    server.reply = json.dumps({"scores": [row], "scorer": "overlap:0"})
    [score] = await scorer.score([(FRANCE, FRANCE)])
    assert score.cut

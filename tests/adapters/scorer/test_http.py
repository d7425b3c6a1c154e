"""The scorer over HTTP: its contract on the score server itself, requests, busy servers, names."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from app.adapters.scorer.http import HttpScorer
from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScorerUnavailable, SettingsError
from app.opening import greet_scorer
from app.ports import Scorer
from app.scoring.server import ScoreServer
from app.settings import load_settings
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, ScorerContract
from tests.adapters.scorer.faulty_server import FaultyServer


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
    await scorer.score([(FRANCE, FRANCE)] * 60)  # the server is known to be quick then
    server.requests.clear()
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

"""A score server that is broken, absent or something else: unavailable, never a score."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.scorer.http import HttpScorer
from app.errors import ScoreFailure, ScorerUnavailable
from app.fake_llm import FAULTS, free_port, unaccepting_port
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED
from tests.adapters.scorer.faulty_server import FaultyServer


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

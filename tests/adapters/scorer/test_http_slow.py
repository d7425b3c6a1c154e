"""A score server with a heavy encoder: it is asked for less at a time, and every pair gets on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from app.adapters.batching import Batcher
from app.adapters.scorer.http import HttpScorer
from app.adapters.scorer.memory import OverlapScorer, overlap
from app.core.gate import Score
from app.errors import ScorerUnavailable
from app.scoring.server import ScoreServer
from app.settings import load_settings
from tests.adapters.scorer.contract import FRANCE
from tests.adapters.scorer.faulty_server import FaultyServer

Pair = tuple[str, str]
#: Stands for the minute or two of the real one; all times here are scaled to it.
LIMIT = 1.0


class HeavyEncoder(OverlapScorer):
    """Takes `pair_seconds` for each pair, whoever sent it, in batches like the real one."""

    def __init__(self, pair_seconds: float) -> None:
        super().__init__()
        self.pair_seconds = pair_seconds
        self.scored = 0
        self._batcher = Batcher[Pair, Score](self._run, max_size=64)

    async def _run(self, pairs: list[Pair]) -> list[Score]:
        await asyncio.sleep(self.pair_seconds * len(pairs))
        self.scored += len(pairs)
        return [overlap(*pair) for pair in pairs]

    async def score(self, pairs: Sequence[Pair]) -> list[Score]:
        return list(await asyncio.gather(*map(self._batcher.submit, pairs)))


@pytest.fixture
async def encoder() -> HeavyEncoder:
    return HeavyEncoder(0.02)


@pytest.fixture
async def client(encoder: HeavyEncoder) -> AsyncIterator[HttpScorer]:
    server = ScoreServer(load_settings(scorer="memory:", http_port=0), encoder)
    await server.start()
    await server.load()
    client = HttpScorer(str(server.url), timeout_seconds=LIMIT)
    yield client
    await client.close()
    await server.stop()


async def scored(client: HttpScorer, count: int) -> int:
    """Score so many pairs, each asked for again until it has its score; return failed tries."""
    failed = 0

    async def one(at: int) -> None:
        nonlocal failed
        while True:
            try:
                await client.score([(f"{FRANCE} {at}", FRANCE)])
            except ScorerUnavailable:
                failed += 1
                await asyncio.sleep(0.01)
            else:
                return

    await asyncio.wait_for(asyncio.gather(*map(one, range(count))), 10)
    return failed


async def test_a_server_whose_full_batch_outlasts_the_limit_scores_everything_once(
    client: HttpScorer, encoder: HeavyEncoder
) -> None:
    assert await scored(client, 128) == 0
    assert encoder.scored == 128


async def test_a_request_that_ran_out_of_time_is_followed_by_smaller_ones(
    client: HttpScorer, encoder: HeavyEncoder
) -> None:
    encoder.pair_seconds = 0.001
    await scored(client, 128)
    encoder.pair_seconds = 0.1
    assert 0 < await scored(client, 16) < 64
    assert encoder.scored < 128 + 16 + 32


async def test_what_was_scored_before_a_request_ran_out_of_time_is_kept(
    server: FaultyServer,
) -> None:
    scorer = HttpScorer(server.url, timeout_seconds=0.3)
    calls = [asyncio.ensure_future(scorer.score([(FRANCE, FRANCE)])) for _ in range(32)]
    while not server.requests:
        await asyncio.sleep(0.001)
    server.fault = "hang"
    results = await asyncio.gather(*calls, return_exceptions=True)
    await scorer.close()
    first = len(server.requests[0]["pairs"])
    assert 0 < first < 32
    assert [isinstance(each, list) for each in results] == [at < first for at in range(32)]
    assert all(isinstance(each, ScorerUnavailable) for each in results[first:])


async def test_requests_grow_while_answers_are_quick(
    scorer: HttpScorer, server: FaultyServer
) -> None:
    await scorer.score([(FRANCE, FRANCE)] * 96)
    sizes = [len(request["pairs"]) for request in server.requests]
    assert (sizes[0], max(sizes), sum(sizes)) == (4, 32, 96)

"""The queue before a scorer: shared batches, a bound, and clients that go away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from app.adapters.scorer.memory import OverlapScorer, overlap
from app.core.gate import Score
from app.errors import ScoreFailure, ScorerUnavailable
from app.metrics import SCORE_SERVER_FIGURES, Metrics
from app.ports import Scorer
from app.scoring.queue import ScoreQueue
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED, ScorerContract


class Gated(OverlapScorer):
    """Scores when its gate is open; `batches` are the pairs that were there together."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.batches: list[list[str]] = []

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        if self.gate.is_set() or not self.batches or len(self.batches[-1]) >= 4:
            self.batches.append([])
        self.batches[-1] += [candidate for candidate, _ in pairs]
        await self.gate.wait()
        if any(candidate == "no score" for candidate, _ in pairs):
            raise ScoreFailure("not a number")
        return [overlap(*pair) for pair in pairs]


def make(scorer: OverlapScorer, pairs: int = 10, batch: int = 4) -> tuple[ScoreQueue, Metrics]:
    metrics = Metrics(SCORE_SERVER_FIGURES)
    return ScoreQueue(scorer, metrics, max_pairs=pairs, max_batch=batch), metrics


def one(text: str) -> list[tuple[str, str]]:
    return [(text, FRANCE)]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestContract(ScorerContract):
    @pytest.fixture
    async def scorer(self) -> AsyncIterator[Scorer]:
        queue, _ = make(OverlapScorer(), pairs=1024, batch=7)
        yield queue
        await queue.close()


async def test_the_pairs_of_several_calls_share_batches_and_the_fill_is_told() -> None:
    scorer = OverlapScorer(seconds=0.01)
    queue, metrics = make(scorer, batch=4)
    calls = [queue.score(one(PARAPHRASE)) for _ in range(6)]
    await asyncio.gather(*calls)
    assert (metrics.total("score_batches"), metrics.total("score_pairs")) == (2, 6)
    figures = metrics.as_json()
    assert figures["score_fill"] == 0.75
    assert figures["score_queue"] == 0


async def test_beyond_its_bound_a_call_is_refused_with_a_time_and_later_ones_are_let_in() -> None:
    scorer = Gated()
    queue, metrics = make(scorer, pairs=3)
    held = [asyncio.ensure_future(queue.score(one(PARAPHRASE))) for _ in range(2)]
    await settle()
    with pytest.raises(ScorerUnavailable, match="2 pairs wait") as refused:
        await asyncio.wait_for(queue.score(one(FRANCE) * 2), 2)
    assert (refused.value.retry_after_seconds or 0) >= 1
    held.append(asyncio.ensure_future(queue.score(one(FRANCE))))
    await settle()
    assert queue.full
    with pytest.raises(ScorerUnavailable):
        await asyncio.wait_for(queue.score(one(FRANCE)), 2)
    scorer.gate.set()
    await asyncio.gather(*held)
    assert not queue.full
    assert len(await queue.score(one(FRANCE) * 5)) == 5, "a large call alone is let in"
    assert metrics.total("score_requests_refused") == 2


async def test_who_is_refused_is_told_a_time_by_the_speed_of_the_scorer() -> None:
    queue, _ = make(OverlapScorer(seconds=0.4), pairs=4, batch=1)
    await queue.score(one(FRANCE))  # 2.5 pairs a second at most
    calls = [asyncio.ensure_future(queue.score(one(FRANCE))) for _ in range(4)]
    await settle()
    times = []
    for _ in range(3):
        with pytest.raises(ScorerUnavailable) as refused:
            await queue.score(one(FRANCE) * 4)
        times.append(refused.value.retry_after_seconds)
    assert times == [2, 3, 3], "four pairs must end first; and nobody comes with another"
    for call in calls:
        call.cancel()


async def test_who_goes_away_before_his_batch_takes_no_place_in_one() -> None:
    scorer = Gated()
    queue, metrics = make(scorer, pairs=100)
    first = asyncio.ensure_future(queue.score(one(FRANCE)))
    await settle()
    gone = asyncio.ensure_future(queue.score(one(UNRELATED) * 50))
    stays = asyncio.ensure_future(queue.score(one(PARAPHRASE)))
    await settle()
    gone.cancel()
    await settle()
    assert queue.held == 2
    scorer.gate.set()
    await asyncio.gather(first, stays)
    assert scorer.batches == [[FRANCE], [PARAPHRASE]]
    assert metrics.total("score_pairs_dropped") == 50


async def test_a_pair_without_a_score_fails_its_call_alone() -> None:
    scorer = Gated()
    scorer.gate.set()
    queue, metrics = make(scorer)
    good, bad = await asyncio.gather(
        queue.score(one(PARAPHRASE)), queue.score(one("no score")), return_exceptions=True
    )
    assert isinstance(bad, ScoreFailure)
    assert not isinstance(good, BaseException)
    assert metrics.total("score_failures") == 1
    assert metrics.total("score_pairs") == 1


async def test_a_stop_scores_what_was_taken_and_takes_no_more() -> None:
    scorer = Gated()
    queue, _ = make(scorer)
    taken = asyncio.ensure_future(queue.score(one(PARAPHRASE) * 9))
    await settle()
    stopping = asyncio.ensure_future(queue.stop(5.0))
    await settle()
    with pytest.raises(ScorerUnavailable, match="stops"):
        await queue.score(one(FRANCE))
    scorer.gate.set()
    await stopping
    assert len(await taken) == 9


async def test_a_stop_tells_what_it_does_not_get_done_to_come_again() -> None:
    scorer = Gated()
    queue, _ = make(scorer)
    taken = asyncio.ensure_future(queue.score(one(PARAPHRASE) * 9))
    await settle()
    await queue.stop(0.05)
    with pytest.raises(ScorerUnavailable, match="stops") as told:
        await asyncio.wait_for(taken, 2)
    assert told.value.retry_after_seconds
    scorer.gate.set()
    await queue.close()
    assert scorer.batches == [[PARAPHRASE] * 4], "nothing more begins"

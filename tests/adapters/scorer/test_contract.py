"""The contract of scorers on the twin, on bert-score itself, and over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from app.adapters.scorer.bertscore import BertScoreScorer
from app.adapters.scorer.memory import OverlapScorer
from app.core.gate import Score
from app.errors import ScoreFailure, ScorerUnavailable
from app.ports import Scorer
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED, ScorerContract


class TestOverlapScorer(ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return OverlapScorer()

    async def test_faults_come_in_order_then_it_scores(self) -> None:
        scorer = OverlapScorer([ScorerUnavailable("away"), ScoreFailure("nan")])
        with pytest.raises(ScorerUnavailable):
            await scorer.score([(FRANCE, FRANCE)])
        with pytest.raises(ScoreFailure):
            await scorer.score([(FRANCE, FRANCE)])
        assert await scorer.score([(FRANCE, FRANCE)]) == [Score(1.0, 1.0, 1.0)]
        assert len(scorer.calls) == 3

    async def test_switched_off_it_is_unavailable(self) -> None:
        scorer = OverlapScorer(fixed=0.5)
        scorer.available = False
        with pytest.raises(ScorerUnavailable):
            await scorer.score([(FRANCE, FRANCE)])

    async def test_a_fixed_score(self) -> None:
        assert await OverlapScorer(fixed=0.5).score([("a", "b")]) == [Score(0.5, 0.5, 0.5)]


@pytest.mark.scorer
class TestBertScoreScorer(ScorerContract):
    @pytest.fixture
    async def scorer(self) -> AsyncIterator[Scorer]:
        pytest.importorskip("bert_score")
        scorer = BertScoreScorer()
        yield scorer
        await scorer.close()

    async def test_it_scores_as_the_library_does(self, scorer: BertScoreScorer) -> None:
        pairs = [(PARAPHRASE, FRANCE), (UNRELATED, FRANCE), ("La capital es París.", FRANCE)]
        ours = await scorer.score(pairs)
        columns = scorer._library.score(*[list(texts) for texts in zip(*pairs, strict=True)])
        theirs = list(zip(*(column.tolist() for column in columns), strict=True))
        for score, expected in zip(ours, theirs, strict=True):
            assert (score.precision, score.recall, score.f1) == pytest.approx(expected, abs=2e-4)

    async def test_a_pair_without_a_score_fails_alone(self, scorer: BertScoreScorer) -> None:
        await scorer.check()
        library, worker = scorer._library, scorer._library.score

        def broken(candidates: list[str], references: list[str]) -> object:
            if UNRELATED in candidates:
                raise IndexError("a bug of the library")
            return worker(candidates, references)

        library.score = broken
        good, bad = await asyncio.gather(
            scorer.score([(PARAPHRASE, FRANCE)]),
            scorer.score([(UNRELATED, FRANCE)]),
            return_exceptions=True,
        )
        assert isinstance(bad, ScoreFailure)
        assert not isinstance(good, BaseException)
        assert good[0].f1 > 0.6

    async def test_not_a_number_is_a_failure(self, scorer: BertScoreScorer) -> None:
        import torch

        await scorer.check()
        scorer._library.score = lambda candidates, references: (
            [torch.full((len(candidates),), float("nan"))] * 3
        )
        with pytest.raises(ScoreFailure):
            await scorer.score([(PARAPHRASE, FRANCE)])

    async def test_what_has_no_score_in_company_is_scored_alone(
        self, scorer: BertScoreScorer
    ) -> None:
        await scorer.check()
        worker = scorer._library.score

        def broken(candidates: list[str], references: list[str]) -> object:
            columns = worker(candidates, references)
            return [column * float("nan") for column in columns] if candidates[1:] else columns

        scorer._library.score = broken
        scores = await scorer.score([(PARAPHRASE, FRANCE), (FRANCE, FRANCE)])
        assert [score.f1 > 0.6 for score in scores] == [True, True]

    async def test_the_event_loop_stays_free_while_it_scores(self, scorer: BertScoreScorer) -> None:
        await scorer.check()
        scoring = asyncio.create_task(scorer.score([("word " * 400, FRANCE)] * 8))
        ticks = 0
        while not scoring.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 5

    async def test_closed_it_is_unavailable(self) -> None:
        scorer = BertScoreScorer()
        await scorer.close()
        with pytest.raises(ScorerUnavailable):
            await scorer.score([(PARAPHRASE, FRANCE)])
        with pytest.raises(ScorerUnavailable):
            await scorer.check()


async def test_without_the_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bert_score", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    scorer = BertScoreScorer()
    with pytest.raises(ScorerUnavailable, match=r"pip install 'answerloop\[scorer\]'"):
        await scorer.check()
    with pytest.raises(ScorerUnavailable):
        await scorer.score([(FRANCE, FRANCE)])
    await scorer.close()

"""What every Scorer promises. A test module gives a fixture `scorer` for one adapter."""

from __future__ import annotations

import asyncio
import math
import re

import pytest

from app.ports import Scorer

FRANCE = "Paris is the capital of France."
PARAPHRASE = "The capital of France is Paris."
UNRELATED = "Penguins swim faster than most fish."
HOSTILE = [
    "",
    " \n\t",
    "\x00",
    "\u200b",
    "\ud800 half a pair",
    "x" * 70_000,
    "word " * 14_000,
    "日本語の文章です。",
    "¿Cuál es la capital de España?",
    "😀😀😀",
    "<script>alert(1)</script>",
]


class ScorerContract:
    async def test_a_text_beside_itself_scores_1(self, scorer: Scorer) -> None:
        (score,) = await scorer.score([(FRANCE, FRANCE)])
        assert score.f1 == pytest.approx(1.0, abs=1e-4)
        assert max(score.precision, score.recall, score.f1) <= 1.0

    async def test_a_paraphrase_scores_above_an_unrelated_text(self, scorer: Scorer) -> None:
        good, bad = await scorer.score([(PARAPHRASE, FRANCE), (UNRELATED, FRANCE)])
        assert good.f1 > bad.f1 + 0.2

    async def test_candidate_and_reference_are_not_mixed_up(self, scorer: Scorer) -> None:
        longer = f"{FRANCE} {UNRELATED} And rivers run down to the sea."
        (score,) = await scorer.score([(longer, FRANCE)])
        assert score.recall > score.precision

    async def test_scores_come_in_the_order_of_their_pairs(self, scorer: Scorer) -> None:
        pairs = [
            (PARAPHRASE, FRANCE),
            ("word " * 80, FRANCE),
            (UNRELATED, FRANCE),
            (FRANCE, FRANCE),
        ]
        together = await scorer.score(pairs)
        alone = [(await scorer.score([pair]))[0] for pair in pairs]
        for one, other in zip(together, alone, strict=True):
            assert one.f1 == pytest.approx(other.f1, abs=2e-3)

    async def test_no_pairs_are_no_scores(self, scorer: Scorer) -> None:
        assert await scorer.score([]) == []

    @pytest.mark.parametrize("blank", ["", " \n\t"])
    async def test_a_blank_text_scores_0(self, scorer: Scorer, blank: str) -> None:
        scores = await scorer.score([(blank, FRANCE), (FRANCE, blank), (blank, blank)])
        assert [(score.precision, score.recall, score.f1) for score in scores] == [(0, 0, 0)] * 3

    async def test_any_text_has_a_score(self, scorer: Scorer) -> None:
        pairs = [(text, FRANCE) for text in HOSTILE] + [(FRANCE, text) for text in HOSTILE]
        for score in await scorer.score(pairs):
            assert math.isfinite(score.precision + score.recall + score.f1)

    async def test_calls_at_the_same_time_get_their_own_scores(self, scorer: Scorer) -> None:
        pairs = [(PARAPHRASE, FRANCE), (UNRELATED, FRANCE)] * 20
        results = await asyncio.gather(*(scorer.score([pair]) for pair in pairs))
        for (candidate, _), (score,) in zip(pairs, results, strict=True):
            assert (score.f1 > 0.6) == (candidate == PARAPHRASE)

    async def test_a_cancelled_call_leaves_the_others_alone(self, scorer: Scorer) -> None:
        calls = [asyncio.create_task(scorer.score([(PARAPHRASE, FRANCE)])) for _ in range(4)]
        await asyncio.sleep(0)
        calls[1].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results.pop(1), asyncio.CancelledError)
        assert all(result[0].f1 > 0.6 for result in results)

    async def test_the_name_is_one_word_with_a_layer(self, scorer: Scorer) -> None:
        await scorer.check()
        assert re.fullmatch(r"[\w.-]+:\d+", scorer.name)

    async def test_check_says_that_it_is_there(self, scorer: Scorer) -> None:
        assert await scorer.check()

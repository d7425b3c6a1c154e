"""The contract of what answers were worth: scores, verdicts, reasons and pairs of a range."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.gate import Metric, Score
from app.core.lifecycle import Status, Turn
from app.ports import AnswerStore, StoredVerdict
from app.ports.quality import COLUMNS, CUT, Judgement, Outcome, Quality, QualityQuery
from tests.adapters.store.contract_facts import accepted, answer, call, ending, request

RECALL = QualityQuery(Metric.RECALL, 0.5)
LOW, GOOD = Status.LOW_QUALITY, Status.VALIDATED


async def judged(store: AnswerStore, name: str, at: float, *recalls: float, **facts: Any) -> None:
    """A question whose generations scored so; the last one of 0.5 or more passed, or none did."""
    why = facts.pop("why", "recall 0.1 < 0.5")
    for generation, recall in enumerate(recalls, 1):
        turn, score = Turn(0, generation, 1), Score(0.9, recall, 0.7)
        status = GOOD if recall >= 0.5 and not why.startswith("guard") else LOW
        await store.claim(request(name, turn))
        await store.record_answer(call(name, turn), "worker-1", answer())
        verdict = StoredVerdict(status, score, 0.5, "recall", "s", why)
        await store.record_verdict(call(name, turn), verdict)
    changes = {
        "accepted_at": at,
        "score": score,
        "threshold": 0.5,
        "metric": "recall",
        "scorer": "s",
        "why": why,
    }
    await store.finish([ending(name, turn, status, **(changes | facts))])


class QualityContract:
    """Inherit, with a fixture `store`."""

    async def test_nothing_was_judged_at_first(self, store: AnswerStore) -> None:
        found = await store.quality(RECALL)
        nothing = ((0, 0),) * COLUMNS
        assert found == Quality(0, None, True, {}, Outcome(), nothing, (), {}, (), (), (), (), ())

    async def test_scores_verdicts_and_reasons_add_up(self, store: AnswerStore) -> None:
        await judged(store, "a", 1.0, 0.91)
        await judged(store, "b", 2.0, 0.11, 0.61)
        await judged(store, "c", 3.0, 0.21, 0.31)
        await judged(store, "d", 4.0, 0.71, why="guard echo: it says the question")
        await store.accept([accepted("e", accepted_at=5.0)])
        found = await store.quality(RECALL)
        assert found.counts == {GOOD: 2, LOW: 2, Status.ACCEPTED: 1}
        assert (found.questions, found.oldest_at, found.complete) == (5, 1.0, True)
        assert (found.judged.passed, found.judged.failed, found.judged.scored) == (2, 2, 4)
        assert found.judged.score_sum == pytest.approx(0.91 + 0.61 + 0.31 + 0.71)
        columns = {place: each for place, each in enumerate(found.columns) if any(each)}
        assert columns == {45: (1, 0), 30: (1, 0), 15: (0, 1), 35: (0, 1)}
        assert found.judgements == (Judgement("recall", 0.5, "s", 4),)
        of = found.generations
        assert {n: (each.passed, each.failed) for n, each in of.items()} == {1: (1, 3), 2: (1, 1)}
        assert of[2].score_sum == pytest.approx(0.92)
        score, echo = found.rejections
        assert (score.guard, score.answers, score.questions) == (None, 3, 2)
        assert (score.outcome.passed, score.outcome.failed) == (1, 1)
        assert score.mean_score == pytest.approx((0.11 + 0.21 + 0.31) / 3)
        assert (echo.guard, echo.answers, echo.outcome.failed) == ("echo", 1, 1)

    async def test_the_best_the_worst_and_the_nearest_pairs_come_with_cut_texts(
        self, store: AnswerStore
    ) -> None:
        for number in range(9):
            recall = (number + 1) / 10 + 0.03
            await judged(store, f"q{number}", float(number), recall, answer="ñ" * 900)
        found = await store.quality(QualityQuery(Metric.RECALL, 0.5, pairs=3))
        assert [pair.question_id for pair in found.best] == ["q8", "q7", "q6"]
        assert [pair.question_id for pair in found.worst] == ["q0", "q1", "q2"]
        assert [pair.question_id for pair in found.nearest] == ["q4", "q3", "q5"]
        pair = found.best[0]
        assert (pair.status, pair.score, pair.threshold) == (GOOD, 0.93, 0.5)
        assert pair.reference == "Santiago"
        assert pair.answer == "ñ" * CUT

    async def test_only_a_range_and_the_newest_of_it_are_looked_at(
        self, store: AnswerStore
    ) -> None:
        for number in range(6):
            await judged(store, f"q{number}", float(number), 0.9 - number / 10)
        since = await store.quality(QualityQuery(Metric.F1, 0.5, since=2.0))
        assert (since.questions, since.oldest_at, since.complete) == (4, 2.0, True)
        assert since.judged.score_sum == pytest.approx(4 * 0.7), "the metric that was asked for"
        newest = await store.quality(QualityQuery(Metric.RECALL, 0.5, look_at=3, sample=2))
        assert (newest.questions, newest.oldest_at, newest.complete) == (3, 3.0, False)
        assert [pair.question_id for pair in newest.best] == ["q3", "q4", "q5"]
        assert sum(each.passed + each.failed for each in newest.generations.values()) == 3
        assert [text.passed for text in newest.sample] == [True]
        assert newest.sample[0].reference == "Santiago"

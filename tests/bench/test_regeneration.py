"""The regeneration bench plays a question as the pipeline does, and pays for each call once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.core.gate import Gate, Metric
from app.core.strategies import Change, Strategies, Strategy
from bench.regeneration import against, best_so_far, by_attempt
from bench.regeneration_play import Asked, Kept, Outside, Played, play

QUESTION = Asked("en", "When did the Wall fall?", "The Wall fell in the year 1989.")
RIGHT, WRONG, WEAK = QUESTION.reference, "The Wall fell in the year 1990.", "In 1989."
STRATEGIES = Strategies(
    (Strategy(0.0, 1, name="plain"), Strategy(0.5, 2, name="again")),
    (Change(rejected_by=("numbers_changed",), prompt="The year? {question}"),),
)
GATE = Gate(0.6, Metric.RECALL, "test")


async def played(file: Path, *answers: str) -> tuple[Played, Outside, ScriptedModel]:
    model = ScriptedModel(script={QUESTION.text: list(answers)})
    outside = Outside(model, OverlapScorer(), Kept(file))
    one = await play(QUESTION, STRATEGIES, 3, outside, GATE)
    return one, outside, model


async def test_a_question_is_asked_until_an_answer_passes(tmp_path: Path) -> None:
    one, _, model = await played(tmp_path / "calls", WEAK, WRONG, RIGHT)
    assert [each.rejected_by for each in one.tried] == ["low_score", "numbers_changed", None]
    assert [each.strategy for each in one.tried] == ["plain", "again", "again + numbers_changed"]
    assert [each.answer for each in one.best] == [WEAK, WEAK, RIGHT]
    assert model.calls[2].prompt.user == f"The year? {QUESTION.text}"
    assert (one.validated, one.validated_after(2), one.validated_after(3)) == (True, False, True)


async def test_a_call_is_made_once_also_by_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "calls"
    first, _, _ = await played(file, WEAK, WRONG, RIGHT)
    file.write_text(file.read_text(encoding="utf-8") + '["cut off by a ki', encoding="utf-8")
    second, outside, model = await played(file)
    assert (outside.calls_made, outside.calls_kept, model.calls) == (0, 3, [])
    assert second == first


async def test_the_figures_by_attempt_and_of_the_best(tmp_path: Path) -> None:
    weak, _, _ = await played(tmp_path / "weak", WEAK, WEAK, WRONG)
    good, _, _ = await played(tmp_path / "good", WEAK, RIGHT)
    rows = by_attempt([weak, good], "recall")
    assert [(row["questions"], row["validated"]["n"]) for row in rows] == [(2, 0), (2, 1), (1, 0)]
    assert rows[2]["objections"]["n"] == 1
    best = best_so_far([weak, good], "recall")
    assert [row["validated"]["n"] for row in best] == [0, 1, 1]
    assert best[2]["calls"] == 5
    assert best[2]["recall"] == pytest.approx((weak.tried[0].recall + 1.0) / 2)
    difference = against([weak], [good], "recall")
    assert (difference["gained"], difference["lost"], difference["p"]) == (1, 0, 1.0)

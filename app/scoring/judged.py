"""A scored row: its figures, the verdict, and what the guards say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.gate import Gate, Score, judge_score
from app.core.guards import Evidence, Objection, objections
from app.core.judging import gate_for
from app.errors import ScoreFailure
from app.scoring.pairs_file import PairRow

#: `unscored`: there is no reference; `error`: the scorer has no figures for this pair.
RowVerdict = Literal["pass", "fail", "unscored", "error"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row came to. The verdict is the score's alone; `objections` are beside it."""

    row: PairRow
    score: Score | None
    verdict: RowVerdict
    why: str
    objections: tuple[Objection, ...]


def judge_row(
    row: PairRow, outcome: Score | ScoreFailure | None, gate: Gate, guards: Sequence[str]
) -> Judged:
    """Judge a row by what the scorer said of it; None: it was not asked, for want of a reference.

    A pair without figures never passes, and never fails.
    """
    objected = tuple(objections(Evidence(row.candidate, row.question, row.reference), guards))
    if outcome is None:
        return Judged(row, None, "unscored", "no reference answer was given", objected)
    if isinstance(outcome, ScoreFailure):
        return Judged(row, None, "error", str(outcome), objected)
    verdict = judge_score(gate_for(gate, row.question, row.reference), outcome)
    return Judged(row, outcome, "pass" if verdict.passed else "fail", verdict.why, objected)

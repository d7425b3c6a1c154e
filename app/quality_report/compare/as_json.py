"""A comparison for programs."""

from __future__ import annotations

from typing import Any

from app.quality_report.compare.comparison import Change, Comparison
from app.quality_report.compare.pairs import Pair, Run


def as_json(comparison: Comparison) -> dict[str, Any]:
    joined = comparison.joined
    return {
        "before": _run(joined.before),
        "after": _run(joined.after),
        "only_before": joined.only_before,
        "only_after": joined.only_after,
        "metric": joined.metric,
        "one_gate": joined.one_gate,
        "warnings": comparison.warnings(),
        "findings": comparison.findings(),
        **_change(comparison.all, one_gate=joined.one_gate, scores=True),
        "groups": [
            {
                "dimension": each.dimension,
                "value": each.value,
                **_change(each.change, one_gate=joined.one_gate, scores=False),
                "corrected_p": each.p_value if joined.one_gate else None,
            }
            for each in comparison.groups()
        ],
    }


#: Of the CSV of a comparison.
PAIR_COLUMNS = (
    "question_id",
    "question_text",
    "original_answer",
    "verdict",
    "status_before",
    "status_after",
    "score_before",
    "score_after",
    "change",
    "answer_before",
    "answer_after",
)


def pair_cells(pair: Pair) -> tuple[Any, ...]:
    """Return a pair in the order of PAIR_COLUMNS."""
    row = pair.row
    return (
        row.question_id,
        row.question,
        row.reference,
        pair.verdict,
        str(pair.before.status),
        str(pair.after.status),
        pair.before.figures.get(pair.metric),
        pair.after.figures.get(pair.metric),
        pair.change,
        pair.before.answer,
        row.answer,
    )


def _run(run: Run) -> dict[str, Any]:
    gates = [
        {"scorer": each.scorer, "metric": each.metric, "threshold": each.threshold}
        for each in run.bases
    ]
    return {"file": str(run.path), "rows": run.rows, "gates": sorted(gates, key=str)}


def _change(change: Change, *, one_gate: bool, scores: bool) -> dict[str, Any]:
    shares = change.shares if one_gate else None
    found: dict[str, Any] = {
        "questions": change.questions,
        "judged": change.judged,
        "pass_share": {"before": shares[0], "after": shares[1]} if shares else None,
        "better": change.better if one_gate else None,
        "worse": change.worse if one_gate else None,
        "mcnemar_p": change.verdict_p if one_gate and change.judged else None,
        "scored": change.scored,
        "mean_change": change.mean_change,
    }
    if scores:
        interval = change.interval
        found["mean_before"] = change.scores_before / change.scored if change.scored else None
        found["mean_after"] = change.scores_after / change.scored if change.scored else None
        found["mean_change_interval"] = list(interval) if interval else None
        found["wilcoxon_p"] = change.score_p if change.scored else None
    return found

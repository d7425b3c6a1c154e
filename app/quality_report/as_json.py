"""The figures of a report for programs."""

from __future__ import annotations

from typing import Any

from app.core.costs import costs_json
from app.core.lifecycle import Status
from app.core.questions import timestamp
from app.core.statistics import quantile, wilson
from app.quality_report.figures import Figures, Spread
from app.quality_report.page import About, headline, warnings
from app.quality_report.prices import cost
from app.quality_report.weak import weak_groups

_SHARES = (0.5, 0.9, 0.99)


def as_json(figures: Figures, about: About) -> dict[str, Any]:
    """Return what the page shows, except its table, as `--json` prints it."""
    validated, could = figures.validated_of
    dimensions = list(figures.groups.dimensions())
    weak, tested = weak_groups(dimensions)
    basis = figures.basis
    return {
        "headline": headline(figures),
        "source": about.source,
        "filters": list(about.filters),
        "taken_at": timestamp(about.taken_at),
        "warnings": warnings(figures),
        "questions": figures.questions,
        "states": {str(status): _state(figures, status) for status in Status if status.final},
        "unfinished": figures.unfinished,
        "validated_share": {
            "value": validated / could if could else None,
            "of": could,
            "interval": list(wilson(validated, could)) if could else None,
        },
        "pass_share": {
            "value": figures.all.pass_share,
            "of": figures.all.judged,
            "interval": list(figures.all.interval) if figures.all.judged else None,
        },
        "gate": {
            "scorer": basis.scorer,
            "metric": basis.metric,
            "threshold": basis.threshold,
            "gates": len(figures.bases),
        },
        "mean_score": figures.all.mean_score,
        "generations": [
            {
                "generation": n,
                "asked": found.reached,
                "passed": found.passed,
                "mean_score": found.mean_score,
            }
            for n, found in sorted(figures.generations.items())
        ],
        "groups": {
            name: {value: tally.as_json() for value, tally in values} for name, values in dimensions
        },
        "weak": {
            "tested": tested,
            "groups": [
                {
                    "dimension": each.dimension,
                    "value": each.value,
                    "pass_share": each.tally.pass_share,
                    "rest_share": each.rest_share,
                    "p_value": each.p_value,
                    "judged": each.tally.judged,
                }
                for each in weak
            ],
        },
        "causes": {cause: tally.questions for cause, tally in figures.causes.items()},
        "guards": dict(figures.guards),
        "failed_calls": dict(figures.failures),
        "waits": {cause: _spread(spread) for cause, spread in figures.waits.items()},
        "call_seconds": _spread(figures.call_seconds),
        "end_to_end_seconds": _spread(figures.end_to_end),
        "calls": figures.calls,
        "costs": costs_json(figures.costs),
        "prompt_tokens_known": figures.prompts_known,
        "cost": cost(figures.costs, about.prices),
        "wall_seconds": figures.wall_seconds,
    }


def _state(figures: Figures, status: Status) -> dict[str, Any]:
    found = figures.share(status)
    return {
        "questions": figures.counts[status],
        "share": found[0] if found else None,
        "interval": list(found[1]) if found else None,
    }


def _spread(spread: Spread) -> dict[str, Any]:
    ordered = spread.ordered
    if not ordered:
        return {"count": 0}
    found = {f"p{share * 100:g}": quantile(ordered, share) for share in _SHARES}
    return {"count": len(ordered), "sum": sum(ordered), **found, "longest": ordered[-1]}

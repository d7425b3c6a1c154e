"""`answerloop score`: BERTScore of a candidate and a reference."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, print_table
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings


@click.command(short_help="BERTScore of a candidate and a reference")
@click.argument("candidate")
@click.argument("reference")
@json_option
def score(candidate: str, reference: str, as_json: bool) -> None:
    """Score a candidate answer against a reference, with the gate in force.

    \b
    answerloop score "Paris." "The capital of France is Paris."
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    row = run_loop(_score(settings, candidate, reference))
    if as_json:
        print_json(row)
    else:
        shown = {**row, "guards": "; ".join(row["guards"]) or "-"}
        print_table(None, list(shown), [list(shown.values())])


async def _score(settings: Settings, candidate: str, reference: str) -> dict[str, Any]:
    from app.config.gate import gate_in_force
    from app.core.gate import judge_score
    from app.core.guards import Evidence, objections
    from app.opening import Closer, open_scorer

    gate = gate_in_force(settings)
    closers: list[Closer] = []
    try:
        scorer = open_scorer(settings, closers)
        [found] = await scorer.score([(candidate, reference)])
    finally:
        for closer in reversed(closers):
            await closer()
    verdict = judge_score(gate, found)
    return {
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
        "verdict": "pass" if verdict.passed else "fail",
        "why": verdict.why,
        "guards": [
            each.why
            for each in objections(Evidence(candidate, reference=reference), settings.guard_names)
        ],
        "scorer": scorer.name,
        "gate": gate.source,
    }

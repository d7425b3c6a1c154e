"""`answerloop score`: BERTScore of a file of pairs, or of one pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from app.cli.output import json_option, print_json, print_table
from app.errors import InputError
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

_OF_FILES = ("--out", "--format", "--batch", "--fresh", "--spreadsheet")


@click.command(short_help="BERTScore of a file of pairs, or of one pair")
@click.argument("file_or_candidate")
@click.argument("reference", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Rows with their figures: .csv or .jsonl."
)
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "jsonl"]), help="Default: by content."
)
@click.option(
    "--batch", type=click.IntRange(1, 10_000), help="Pairs given to the scorer at a time."
)
@click.option("--fresh", is_flag=True, help="Write --out anew instead of continuing it.")
@click.option(
    "--spreadsheet", is_flag=True, help="In a CSV, put ' before texts that would be formulas."
)
@json_option
def score(file_or_candidate: str, reference: str | None, *, as_json: bool, **of_files: Any) -> None:
    """Score the pairs of a FILE, or one CANDIDATE against a REFERENCE, with the gate in force.

    A file is CSV with a header or JSONL, with candidate (or answer), reference (or original_answer)
    and, for the guards, question. The same command continues an interrupted --out.

    \b
    answerloop score answers.csv --out scores.csv
    answerloop score answers.jsonl --json
    answerloop score "Paris." "The capital of France is Paris."
    """
    settings = load_settings()
    quiet = "log_level" not in settings.model_fields_set
    configure_logging(settings.log_format, "warning" if quiet else settings.log_level)
    if reference is None:
        from app.cli.score_file import score_file

        score_file(settings, _file(file_or_candidate), as_json=as_json, **of_files)
        return
    given = [name for name in _OF_FILES if of_files[_parameter(name)]]
    if given:
        raise InputError(
            f"{given[0]} is for a file of pairs, and two texts were given: "
            "answerloop score FILE, or answerloop score CANDIDATE REFERENCE",
            field=given[0],
        )
    row = run_loop(_score(settings, file_or_candidate, reference))
    if as_json:
        print_json(row)
    else:
        shown = {**row, "guards": "; ".join(row["guards"]) or "-"}
        print_table(None, list(shown), [list(shown.values())])


def _parameter(option: str) -> str:
    return "file_format" if option == "--format" else option.removeprefix("--")


def _file(name: str) -> Path:
    path = Path(name)
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a text that is no name at all
        pass
    shown = name if len(name) <= 80 else f"{name[:80]}..."
    raise InputError(
        f"there is no file {shown!r}. Give a FILE of pairs (answerloop score pairs.csv), "
        "or two texts (answerloop score CANDIDATE REFERENCE)",
        field="FILE",
    )


async def _score(settings: Settings, candidate: str, reference: str) -> dict[str, Any]:
    from app.core.gate import judge_score
    from app.core.guards import Evidence, objections
    from app.core.judging import gate_for
    from app.opening import Closer, open_scorer
    from app.scoring.told_gate import gate_of_told

    closers: list[Closer] = []
    try:
        scorer = open_scorer(settings, closers)
        [found] = await scorer.score([(candidate, reference)])
    finally:
        for closer in reversed(closers):
            await closer()
    gate = gate_for(gate_of_told(settings, scorer.name), "", reference)
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

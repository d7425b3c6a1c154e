"""`answerloop gate calibrate`: a threshold chosen by pairs whose quality is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_json, stderr
from app.cli.ranges import NumberRange
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.calibration.calibrate import Calibration
    from app.calibration.sampling import Sample
    from app.core.gate import Metric


@click.command(short_help="Choose metric and threshold by pairs whose quality is known")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Write the profile (JSON) here.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a page (HTML) here.")
@click.option(
    "--metric",
    type=click.Choice(["all", "f1", "recall", "precision"]),
    default="all",
    show_default=True,
    help="Measure one, or all and recommend the best.",
)
@click.option(
    "--false-pass-rate",
    "rate",
    type=NumberRange(0.0001, 0.5),
    default=0.01,
    show_default=True,
    help="Share of the pairs that must not pass that may.",
)
@click.option(
    "--by-language",
    is_flag=True,
    help="Also choose a threshold for each language that has enough pairs.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=10),
    default=2000,
    show_default=True,
    help="Draw so many answers of a larger file.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every random choice.")
@click.option(
    "--format", "file_format", metavar="FORMAT", help="csv or jsonl; default: by name and content."
)
@json_option
def calibrate(
    file: Path | None,
    out: Path | None,
    report: Path | None,
    metric: str,
    rate: float,
    by_language: bool,
    limit: int,
    seed: int,
    file_format: str | None,
    as_json: bool,
) -> None:
    """Measure how well the scorer in force parts good answers from bad ones, and choose a gate.

    FILE is CSV or JSONL with columns original_answer (or reference) and answer (or candidate), and
    perhaps label (good or bad, 1 or 0), question_text, language. Without labels every answer
    counts as good, and the same answers beside other references must not pass. Results of
    `run --out` with a column label are such a file. Without FILE: the built-in pairs.

    \b
    answerloop gate calibrate labelled.csv --out profile.json --report page.html
    answerloop gate calibrate pairs.jsonl --metric recall --false-pass-rate 0.05
    answerloop gate calibrate labelled.csv --by-language --out profile.json
    ANSWERLOOP_SCORER_MODEL=roberta-large answerloop gate calibrate

    The profile is put in force by ANSWERLOOP_QUALITY_PROFILE=profile.json.
    """
    from app.calibration.documents import as_json as plain
    from app.calibration.documents import profile_of, profile_text
    from app.calibration.report import render
    from app.cli.gate_pairs import sample_of
    from app.cli.gate_print import print_calibration
    from app.cli.writing import refuse_overwriting, refuse_unwritable
    from app.core.gate import Metric

    for path in filter(None, (out, report)):
        refuse_unwritable(path)
    refuse_overwriting([file], [out, report])
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    sample = sample_of(file, file_format, limit, seed)
    metrics = tuple(Metric) if metric == "all" else (Metric(metric),)
    found = run_loop(_calibrate(settings, sample, metrics, rate, seed, by_language))
    if out is not None:
        out.write_text(profile_text(profile_of(found)), encoding="utf-8")
    if report is not None:
        report.write_text(render(found), encoding="utf-8")
    if as_json:
        print_json(plain(found))
    else:
        print_calibration(found)
    for path in filter(None, (out, report)):
        stderr().print(f"wrote {path}", markup=False)


async def _calibrate(
    settings: Settings,
    sample: Sample,
    metrics: tuple[Metric, ...],
    rate: float,
    seed: int,
    by_language: bool,
) -> Calibration:
    from app.calibration.calibrate import calibrate as measured
    from app.calibration.pairs import pairs_of
    from app.cli.gate_pairs import score_with_bar
    from app.opening import Closer, open_scorer

    closers: list[Closer] = []
    try:
        scorer = open_scorer(settings, closers)
        pairs = pairs_of(sample.known, seed)
        scored, failed = await score_with_bar(scorer, pairs, settings.guard_names)
        return measured(
            sample,
            scored,
            failed,
            scorer=scorer.name,
            library=scorer.library,
            guards=settings.guard_names,
            metrics=metrics,
            rate=rate,
            seed=seed,
            by_language=by_language,
        )
    finally:
        for closer in reversed(closers):
            await closer()

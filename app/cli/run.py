"""`answerloop run FILE`: answers the questions of a file, resumes, and adds nothing twice."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.file_options import layout_of, layout_options
from app.cli.output import json_option, print_json, stderr
from app.cli.ranges import NumberRange
from app.cli.writing import refuse_overwriting, refuse_unwritable
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, batch_settings

if TYPE_CHECKING:
    from app.cli.batch import Batch, Totals
    from app.files import Layout

_NO_REFERENCES = (
    "no column holds reference answers: every answer will end unscored. "
    "Name it with --reference-column NAME, or in the header original_answer, answer or reference"
)


@click.command(short_help="Answer the questions of a file")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Results, one row for each question: .csv or .jsonl.",
)
@click.option(
    "--spreadsheet", is_flag=True, help="In a CSV, put ' before texts that would be formulas."
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="A page (HTML) of how good the answers are."
)
@layout_options
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Read this many good rows at most."
)
@click.option(
    "--threshold",
    "quality_threshold",
    type=NumberRange(0, 1),
    metavar="X",
    help="Least score of a good answer (QUALITY_THRESHOLD).",
)
@click.option(
    "--concurrency",
    "llm_concurrency",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Model calls in flight at most (LLM_CONCURRENCY).",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Ask anew what is answered already; a rerun of an interrupted --fresh resumes.",
)
@json_option
def run(
    file: Path,
    out: Path | None,
    spreadsheet: bool,
    report: Path | None,
    limit: int | None,
    quality_threshold: float | None,
    llm_concurrency: int | None,
    fresh: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Answer the questions of FILE: CSV with a header, JSONL, or Yahoo! Answers CSV.

    Rows that can't be read are reported, written beside FILE (NAME.rejects.csv), and don't stop
    the rest. A rerun continues where the last one stopped; what is answered is not asked again.

    \b
    answerloop run questions.csv --out results.csv
    answerloop run questions.jsonl --limit 100 --threshold 0.6 --json
    answerloop run questions.csv --out results.csv --report report.html
    answerloop run datos.csv --question-column Pregunta --reference-column Respuesta
    answerloop run excel.csv --encoding windows-1252 --out results.csv --spreadsheet
    """
    from app.cli.summary import print_summary
    from app.files import check_file, check_results_path, has_references

    layout = layout_of(options)

    if out is not None:
        check_results_path(out)
    if report is not None:
        refuse_unwritable(report)
    refuse_overwriting([file], [out, report])
    check_file(file, layout)
    if not has_references(file, layout):
        stderr().print(_NO_REFERENCES, style="yellow", markup=False)
    settings = batch_settings(quality_threshold=quality_threshold, llm_concurrency=llm_concurrency)
    own = quality_threshold is not None or llm_concurrency is not None
    quiet = "log_level" not in settings.model_fields_set
    configure_logging(settings.log_format, "error" if quiet else settings.log_level)
    totals = run_loop(
        _run(
            settings,
            file,
            out,
            limit,
            layout,
            report=report,
            spreadsheet=spreadsheet,
            fresh=fresh,
            own=own,
        )
    )
    if as_json:
        print_json(totals.as_json())
    else:
        print_summary(totals, settings)
    if totals.interrupted:
        raise SystemExit(130)


def _since(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return an engine's figures of this run alone: it may have run before."""
    return {
        name: _since(before.get(name, {}), value)
        if isinstance(value, dict)
        else value - before.get(name, 0)
        for name, value in after.items()
    }


async def _report(batch: Batch, totals: Totals, path: Path) -> None:
    from app.quality_report.builder import Report
    from app.quality_report.page import About, write_page

    found = Report()
    await batch.report(found)
    files = [totals.out.name] if totals.out is not None else []
    about = About(time.time(), totals.file.name, files=files)
    await asyncio.to_thread(write_page, found, about, path)
    totals.report = path


async def _run(
    settings: Settings,
    file: Path,
    out: Path | None,
    limit: int | None,
    layout: Layout,
    *,
    report: Path | None,
    spreadsheet: bool,
    fresh: bool,
    own: bool,
) -> Totals:
    from app.cli.batch import Batch, Totals
    from app.cli.engine import any_engine
    from app.cli.progress import BatchProgress
    from app.files import count_rows

    totals = Totals(file=file, out=out)
    expected = count_rows(file, layout)
    started = time.monotonic()
    with BatchProgress(stderr(), min(expected, limit or expected)) as progress:
        progress.note("starting the engine")
        async with any_engine(settings, own=own, check_gate=True) as engine:
            before = await engine.figures()
            batch = Batch(engine, settings, totals, progress, fresh=fresh)
            progress.note("loading the models")
            await batch.run(file, layout, limit)
            if out is not None and not totals.interrupted:
                progress.note("writing the results")
                await batch.write(out, spreadsheet=spreadsheet)
            await batch.add_up()
            if report is not None and not totals.interrupted:
                progress.note("writing the report")
                await _report(batch, totals, report)
            totals.figures = _since(before, await engine.figures())
    totals.seconds = time.monotonic() - started
    return totals

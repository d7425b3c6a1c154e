"""`answerloop score FILE`: every pair of a file, with progress, a summary and a way to resume."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from app.charts.numbers import percent
from app.cli.interrupts import stop_signals
from app.cli.output import print_json, print_table, printable, stderr, stdout
from app.cli.score_progress import ScoreProgress
from app.cli.writing import refuse_overwriting
from app.config.gate import gate_by
from app.core.gate import Gate
from app.loop import run as run_loop
from app.opening import Closer, open_scorer
from app.ports import Scorer
from app.scoring.file_run import FileRun, Totals
from app.scoring.pairs_file import PairsFile
from app.scoring.results_file import ResultsFile
from app.scoring.told_gate import gate_of_told
from app.settings import Settings

DEFAULT_BATCH = 256


def score_file(settings: Settings, file: Path, *, as_json: bool, **options: Any) -> None:
    """Score a file and print its summary. Exits 130 when interrupted; what was done is written."""
    totals, gate = run_loop(_score(settings, file, **options))
    if as_json:
        print_json(totals.as_json(gate))
    else:
        _print(totals, gate)
    if totals.interrupted:
        raise SystemExit(130)


async def _score(
    settings: Settings,
    file: Path,
    *,
    out: Path | None,
    file_format: str | None,
    batch: int | None,
    fresh: bool,
    spreadsheet: bool,
) -> tuple[Totals, Gate]:
    refuse_overwriting([file], [out])
    pairs = PairsFile(file, file_format)
    results = ResultsFile(out, spreadsheet=spreadsheet, fresh=fresh) if out is not None else None
    closers: list[Closer] = []
    with ScoreProgress(stderr(), pairs.size) as progress, stop_signals() as stop:
        scorer = open_scorer(settings, closers)
        try:
            progress.note("loading the model")
            if not await _checked(scorer, stop):
                return Totals(file, out, interrupted=True), gate_by(settings, scorer.name)
            progress.note("scoring")
            gate = gate_of_told(settings, scorer.name)
            run = FileRun(
                pairs,
                results,
                scorer,
                gate,
                settings.guard_names,
                chunk=batch or DEFAULT_BATCH,
                watch=lambda totals: progress.show(totals, pairs.position),
                bad=progress.bad_row,
            )
            return await run.run(stop), gate
        finally:
            for closer in reversed(closers):
                await closer()


async def _checked(scorer: Scorer, stop: asyncio.Event) -> bool:
    """Load or reach the scorer; False when a signal came first. Raises ScorerUnavailable."""
    checking = asyncio.ensure_future(scorer.check())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({checking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not checking.done():
        checking.cancel()
        return False
    checking.result()
    return True


def _print(totals: Totals, gate: Gate) -> None:
    console = stdout()
    summary = totals.summary
    title = "Interrupted" if totals.interrupted else None
    columns = ("metric", "mean", "p5", "p25", "median", "p75", "p95")
    rows = [
        (name, *(figures[each] for each in columns[1:]))
        for name, figures in summary.figures.items()
    ]
    print_table(title, columns, rows)
    found = summary.as_json(gate)
    scored = summary.verdicts["pass"] + summary.verdicts["fail"]
    share = f" ({percent(found['pass_rate'])})" if scored else ""
    console.print(f"{summary.pairs} pairs: {summary.verdicts['pass']} of {scored} pass{share}")
    console.print(f"gate: {printable(gate.words)}, {printable(totals.scorer)}")
    if summary.guards:
        named = ", ".join(f"{name} {count}" for name, count in summary.guards.most_common())
        console.print(f"guards object: {named}; {summary.unobjected} pass without an objection")
    for verdict, about in (("unscored", "without a reference"), ("error", "without a score")):
        if summary.verdicts[verdict]:
            console.print(f"{summary.verdicts[verdict]} {about}")
    if totals.bad_rows:
        console.print(f"{totals.bad_rows} bad rows: {printable(totals.rejects)}")
    console.print(f"{totals.seconds:.1f} s, {totals.pairs_per_second:.1f} pairs/s")
    if totals.out is not None:
        before = f" ({totals.resumed} rows were there)" if totals.resumed else ""
        console.print(f"rows: {printable(totals.out)}{before}")
    if totals.interrupted and totals.out is not None:
        console.print("the same command continues")

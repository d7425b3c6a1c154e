"""`answerloop ratings report`: what the ratings pipeline has done, as a page or as JSON."""

from __future__ import annotations

import time
from pathlib import Path

import click

from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.ranges import NumberRange
from app.cli.writing import refuse_unwritable
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import load_settings


@click.command(short_help="A report of the stream: an HTML page, or JSON")
@click.option("--out", type=click.Path(path_type=Path), help="Write the page (HTML) here.")
@click.option(
    "--top",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="So many best movies.",
)
@click.option(
    "--hours",
    type=NumberRange(min=0, min_open=True),
    default=24.0,
    show_default=True,
    help="Hours of the stream's course, back from the newest metrics.",
)
@json_option
def report(out: Path | None, top: int, hours: float, as_json: bool) -> None:
    """Report distribution, rejections, throughput, latency, RMSE, lag, coverage and top movies.

    \b
    answerloop ratings report --out report.html
    answerloop ratings report --json
    answerloop ratings report --out report.html --top 50 --hours 2

    It reads the database and the topic metrics; a worker may run meanwhile. The page is one file
    that needs no network. Exit code 4 when the database or the broker can't be reached.
    """
    from app.ratings.report import as_json as plain
    from app.ratings.report import render
    from app.ratings.report.reading import read_figures

    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    if out is not None:
        refuse_unwritable(out)
    figures = run_loop(read_figures(settings, now=time.time(), top=top, hours=hours))
    if out is not None:
        out.write_text(render(figures), encoding="utf-8")
        stderr().print(f"wrote {out}", markup=False)
    if as_json:
        print_json(plain(figures))
    elif out is None:
        found = plain(figures)
        coverage = found["coverage"]
        names = ("events", "valid", "duplicate", "stale", "ratings", "users", "movies", "mean")
        rows = [(name, found[name]) for name in names]
        rows += [("rejected: " + rule, count) for rule, count in found["rejected"].items()]
        rows += [("rmse", found["rmse"]), ("coverage", coverage["share"])]
        rows += [("gini", coverage["gini"])]
        print_table(None, ("figure", "value"), [(name, _said(value)) for name, value in rows])


def _said(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)

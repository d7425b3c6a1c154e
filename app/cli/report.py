"""`answerloop report`: how good the answers are, as a page, as files for programs, for CI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.file_options import layout_of, layout_options
from app.cli.output import json_option, print_json, stderr
from app.cli.ranges import NumberRange
from app.cli.writing import refuse_overwriting, refuse_unwritable
from app.core.lifecycle import Status
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.cli.ratings_progress import LiveCount
    from app.files import Layout
    from app.quality_report.builder import Beside, Report
    from app.quality_report.reading import Wanted

_READ = "questions read"
_FILE = click.Path(path_type=Path)


@click.command(short_help="How good the answers are: a page, CSV, JSONL, JUnit")
@click.option("--out", type=_FILE, help="Write the page (HTML) here.")
@click.option("--from-results", type=_FILE, metavar="FILE", help="Read a file of run --out.")
@click.option("--questions", type=_FILE, metavar="FILE", help="Of the rows of an input file.")
@layout_options
@click.option("--fresh", is_flag=True, help="With --questions: of the last run --fresh over it.")
@click.option("--since", metavar="WHEN", help="Accepted since: 2h, 3d (ago), or an ISO time.")
@click.option("--until", metavar="WHEN", help="Accepted before: 2h, 3d (ago), or an ISO time.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([str(status) for status in Status]),
    help="In this state; may be given again.",
)
@click.option("--meta", multiple=True, metavar="KEY=VALUE", help="With this metadata; and again.")
@click.option("--csv", "csv_file", type=_FILE, help="Write every question here, as run --out.")
@click.option("--jsonl", "jsonl_file", type=_FILE, help="The same as JSONL, attempts and all.")
@click.option("--junit", "junit_file", type=_FILE, help="A test case for each question, for CI.")
@click.option(
    "--spreadsheet", is_flag=True, help="In the CSV, put ' before texts that would be formulas."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="[MODEL=]READ:WRITTEN",
    help="Price of a million tokens; may be given again.",
)
@click.option(
    "--fail-under",
    type=NumberRange(0, 1),
    metavar="SHARE",
    help="Exit code 1 when a smaller share is validated (questions without reference aside).",
)
@click.option(
    "--compare",
    type=_FILE,
    nargs=2,
    metavar="BEFORE AFTER",
    help="Compare two results files of the same questions.",
)
@click.option(
    "--join",
    metavar="KEY",
    help="Compare by this metadata key, or `id`; default: question and reference.",
)
@json_option
def report(**options: Any) -> None:
    """Report how many answers passed, how they scored, where the model is weak, what it took.

    \b
    answerloop report --out report.html
    answerloop report --since 2h --status low_quality --out weak.html --csv weak.csv
    answerloop report --from-results results.jsonl --junit junit.xml --fail-under 0.9
    answerloop report --questions questions.csv --meta topic=history --json
    answerloop report --questions questions.csv --fresh --out fresh.html
    answerloop report --compare before.jsonl after.jsonl --out compared.html

    Without --from-results it reads the database; a worker may run meanwhile. The page is one file
    that needs no network. Exit code 1: fewer are validated than --fail-under asks for.
    """
    from app.quality_report.builder import Beside

    _refuse_combinations(options)
    layout = layout_of(options)
    for name in ("out", "junit_file"):
        if options[name] is not None:
            refuse_unwritable(options[name])
    beside = Beside(
        options["csv_file"], options["jsonl_file"], options["junit_file"], options["spreadsheet"]
    )
    beside.check()
    refuse_overwriting(
        [options["from_results"], options["questions"], *(options["compare"] or ())],
        [options["out"], beside.csv, beside.jsonl, beside.junit],
    )
    if options["compare"]:
        from app.cli.report_compare import compare

        compare(options)
        return
    _report(options, beside, layout)


def _report(options: dict[str, Any], beside: Beside, layout: Layout) -> None:
    from app.cli.ratings_progress import LiveCount
    from app.cli.report_print import print_report
    from app.quality_report.as_json import as_json
    from app.quality_report.builder import building
    from app.quality_report.page import About, write_page
    from app.quality_report.prices import read_prices

    prices = read_prices(options["prices"])
    wanted = _wanted(options)
    results: Path | None = options["from_results"]
    source = str(results.name if results else options["questions"] or "database")
    with building(beside) as found, LiveCount(stderr(), "reading", None) as progress:
        if results is not None:
            from app.quality_report.making import fill_from_results

            fill_from_results(found, results, wanted, lambda read: progress.show(read, _READ))
        else:
            settings = load_settings()
            configure_logging(settings.log_format, "warning")
            run_loop(
                _from_database(
                    settings,
                    found,
                    wanted,
                    options["questions"],
                    layout,
                    progress,
                    fresh=options["fresh"],
                )
            )
    files = [each.name for each in (beside.csv, beside.jsonl) if each is not None]
    about = About(time.time(), source, wanted.as_words(), files, prices)
    if options["out"] is not None:
        write_page(found, about, options["out"])
    for path in (options["out"], beside.csv, beside.jsonl, beside.junit):
        if path is not None:
            stderr().print(f"wrote {path}", markup=False)
    if options["as_json"]:
        print_json(as_json(found.figures, about))
    else:
        print_report(found.figures, about)
    if options["fail_under"] is not None:
        _fail_under(found, options["fail_under"])


async def _from_database(
    settings: Settings,
    found: Report,
    wanted: Wanted,
    questions: Path | None,
    layout: Layout,
    progress: LiveCount,
    *,
    fresh: bool,
) -> None:
    from app.opening.beside import reading_answers
    from app.quality_report.making import fill_from_database
    from app.quality_report.reading import stream, stream_ids

    ids = await _ids(settings, questions, layout, fresh=fresh) if questions is not None else None
    async with reading_answers(settings) as store:
        batches = stream(store, wanted) if ids is None else stream_ids(store, ids, wanted)
        await fill_from_database(
            found,
            store,
            batches,
            lambda read: progress.show(read, _READ),
            repeats=ids is not None,
        )


async def _ids(settings: Settings, file: Path, layout: Layout, *, fresh: bool) -> Iterator[str]:
    from app.cli.run_ids import last_run_id
    from app.errors import InputError
    from app.quality_report.reading import ids_of_file, ids_of_run

    run_id = last_run_id(settings, file)
    if not fresh:
        if run_id is not None:
            stderr().print(
                f"{file} was also run with --fresh; report --fresh is of those answers",
                markup=False,
            )
        return await ids_of_file(settings, file, layout)
    if run_id is None:
        raise InputError(
            f"--fresh: no run --fresh over {file} is known in {settings.data_dir}; "
            "a report of its results file is --from-results FILE",
            field="fresh",
        )
    return ids_of_run(run_id, file, layout)


def _fail_under(found: Report, least: float) -> None:
    """Exit with 1 when too few are validated; a question without an end is none that passed."""
    from app.charts.numbers import percent

    validated, could = found.figures.validated_of
    share = validated / could if could else 0.0
    if share >= least and could:
        return
    share_said = f"{percent(share)}): under {100 * least:g} %"
    said = f"{validated} of {could} questions are validated ({share_said}"
    stderr().print(said if could else "no question could be validated", style="red", markup=False)
    raise SystemExit(1)


def _wanted(options: dict[str, Any]) -> Wanted:
    """Return the filters. Raises a usage error that names the option."""
    from app.errors import InputError
    from app.letters.shown import when
    from app.quality_report.reading import Wanted

    now, times = time.time(), {}
    for name in ("since", "until"):
        try:
            times[name] = when(options[name], now, name)
        except InputError as error:
            raise click.BadParameter(str(error), param_hint=f"--{name}") from None
    metadata = {}
    for each in options["meta"]:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{each!r}: write KEY=VALUE", param_hint="--meta")
        metadata[key] = value
    statuses = [Status(each) for each in options["statuses"]]
    return Wanted(times["since"], times["until"], statuses, metadata)


def _refuse_combinations(options: dict[str, Any]) -> None:
    """Raise a usage error for options that say nothing together."""
    reads = [name for name in ("from_results", "questions", "compare") if options[name]]
    if len(reads) > 1:
        raise click.UsageError(" and ".join(f"--{_option(name)}" for name in reads) + ": one only")
    if options["fresh"] and not options["questions"]:
        raise click.UsageError("--fresh goes with --questions")
    for name in ("question_column", "reference_column", "encoding", "file_format"):
        if options[name] is not None and not options["questions"]:
            raise click.UsageError(f"--{_option(name)} goes with --questions")
    if options["join"] is not None and not options["compare"]:
        raise click.UsageError("--join goes with --compare")
    if not options["compare"]:
        return
    alone = ("since", "until", "statuses", "meta", "jsonl_file", "junit_file", "prices")
    for name in (*alone, "fail_under"):
        if options[name] not in (None, ()):
            raise click.UsageError(f"--{_option(name)} does not go with --compare")


def _option(name: str) -> str:
    names = {"statuses": "status", "prices": "price", "file_format": "format"}
    return names.get(name, name.removesuffix("_file").replace("_", "-"))

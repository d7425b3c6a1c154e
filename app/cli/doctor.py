"""`answerloop doctor`: look at everything that an installation needs, and say the mends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_json, print_table, stderr
from app.errors import SettingsError
from app.logs import configure_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.doctor.check import Check
    from app.doctor.outcome import Result


@click.command(short_help="Look at all that an installation needs; say the mends")
@click.option("--only", "names", multiple=True, metavar="NAME", help="A check, or an area of them.")
@click.option("--strict", is_flag=True, help="Warnings, too, make the exit code 1.")
@click.option("--call", is_flag=True, help="Ask model and scorer one tiny thing for real.")
@click.option("--list", "list_", is_flag=True, help="List the checks, and run none.")
@json_option
def doctor(names: tuple[str, ...], strict: bool, call: bool, list_: bool, as_json: bool) -> None:
    """Look at settings, software, broker, database, cache, model, scorer, machine and worker.

    Each check says what was seen and, when it is not well, the mend. Nothing is changed. Exit code
    1 when there is a problem. `config check` only tells whether each part can be reached.

    \b
    answerloop doctor
    answerloop doctor --only database --only topics
    answerloop doctor --json --strict | jq '.checks[] | select(.status != "ok")'
    """
    from app.cli.doctor_print import print_results
    from app.doctor.catalogue import chosen
    from app.doctor.outcome import Status, worst

    checks = chosen(names)
    if list_:
        _print_list(checks, as_json=as_json)
        return
    results = look(checks, call=call)
    status = worst(result.outcome.status for result in results)
    if as_json:
        counts = {str(each): sum(r.outcome.status is each for r in results) for each in Status}
        rows = [result.as_json() for result in results]
        print_json({"status": str(status), "counts": counts, "checks": rows})
    else:
        print_results(results)
    if status.is_bad or (strict and status is Status.WARNING):
        raise SystemExit(1)


def look(checks: Sequence[Check], *, call: bool = False) -> list[Result]:
    """Run checks on the installation of the settings, with a live line on stderr.

    Settings that can't be loaded are a result: that of the check `settings` alone.
    """
    from app.cli.doctor_progress import DoctorProgress
    from app.doctor.check import Site
    from app.doctor.configuration import unusable
    from app.doctor.outcome import Result
    from app.doctor.running import examine
    from app.settings import load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        return [Result("settings", "settings", unusable(error), 0.0)]
    configure_logging(settings.log_format, "error")  # the table says it
    for library in ("aiokafka", "asyncio", "app", "answerloop"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    site = Site(settings, call=call)
    try:
        with DoctorProgress(stderr(), len(checks)) as progress:
            return examine(site, checks, progress.show)
    finally:
        site.close()


def _print_list(checks: Sequence[Check], *, as_json: bool) -> None:
    columns = ("check", "area", "about")
    rows = [(check.name, check.area, check.about) for check in checks]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(None, columns, rows)

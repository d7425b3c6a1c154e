"""`answerloop config`: show and check the settings, and the tables that they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.causes import cause_rows, unused_rules, waits_shown
from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.strategies import asked_rows, repeated_calls, shown, strategy_rows, unused_changes
from app.config.shown import setting_rows, setting_source
from app.settings import PREFIX, load_settings

if TYPE_CHECKING:
    from app.doctor.outcome import Outcome

#: Part -> the checks of the doctor's that reach it.
_PARTS = {
    "broker": ("broker",),
    "database": ("database",),
    "cache": ("cache",),
    "model": ("model",),
    "scorer": ("scorer", "scorer-call"),
    "gate": ("gate",),
}


@click.group(short_help="Show and check the settings")
def config() -> None:
    """Settings are ANSWERLOOP_* environment variables, or lines of a .env file."""


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    settings = load_settings()
    rows = setting_rows(settings)
    for row in rows:
        row["from"] = setting_source(settings, row["setting"].removeprefix(PREFIX).lower())
    if as_json:
        print_json({row["setting"]: row for row in rows})
        return
    print_table(
        None,
        ("setting", "value", "from", "meaning"),
        ((r["setting"], r["value"], r["from"], r["meaning"]) for r in rows),
    )


@config.command()
@json_option
def check(as_json: bool) -> None:
    """Check the settings and reach every part they name: broker, database, cache, model, scorer.

    The scorer is loaded, and scores a pair. These are checks of `answerloop doctor`, which looks at
    more, and says the mends.
    """
    from app.cli.doctor import look
    from app.doctor.catalogue import chosen

    load_settings()  # one that is wrong ends it here
    names = [name for checks in _PARTS.values() for name in checks]
    found = {each.check: each.outcome for each in look(chosen(names), call=True)}
    results = {part: _state([found[name] for name in names]) for part, names in _PARTS.items()}
    if as_json:
        print_json(results)
    else:
        print_table(
            None, ("part", "status", "detail"), ((n, *r.values()) for n, r in results.items())
        )
    if any(result["status"] != "up" for result in results.values()):
        raise SystemExit(4)


@config.command()
@json_option
def causes(as_json: bool) -> None:
    """Show which failure of a model call has which cause, and what follows.

    Rows are in the order in which they are tried; what CAUSES_FILE changed is marked.
    """
    settings = load_settings()
    rows = list(cause_rows(settings))
    if as_json:
        print_json(rows)
        return
    print_table(
        None,
        ("provider", "failure", "cause", "route", "waits", "from"),
        (
            (
                row["provider"],
                row["failure"],
                row["cause"],
                row["route"],
                waits_shown(row["waits_seconds"]),
                row["from"],
            )
            for row in rows
        ),
    )
    for line in unused_rules(settings.causes):
        stderr().print(line)


@config.command()
@click.option("--question", metavar="TEXT", help="Show how this question is asked, by reason.")
@json_option
def strategies(question: str | None, as_json: bool) -> None:
    """Show how each generation is asked, and what changes by reason and language.

    \b
    answerloop config strategies
    answerloop config strategies --question "¿Cuál es la capital de Perú?"
    """
    settings = load_settings()
    if question is None:
        rows = list(strategy_rows(settings))
    elif question.strip():
        rows = list(asked_rows(settings, question))
    else:
        raise click.BadParameter("a question is needed", param_hint="--question")
    if as_json:
        print_json(rows)
    else:
        print_table(None, tuple(rows[0]), map(shown, rows))
    for line in (*repeated_calls(settings), *unused_changes(settings)):
        stderr().print(line)


def _state(outcomes: list[Outcome]) -> dict[str, str]:
    """Return what the checks of a part come to: the first that is bad, else the last."""
    bad = next((each for each in outcomes if each.status.is_bad), None)
    return {
        "status": "down" if bad else "up",
        "detail": (bad or outcomes[-1]).seen,
    }

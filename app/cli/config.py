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
    from collections.abc import Sequence

    from app.doctor.outcome import Outcome

#: The checks of the doctor's that reach a part, each called as its part.
_PARTS = ("broker", "database", "cache", "model", "scorer", "gate")


@click.group(short_help="Show and check the settings")
def config() -> None:
    """Settings are ANSWERLOOP_* environment variables, or lines of a .env file.

    \b
    answerloop config show
    answerloop config check
    answerloop config causes
    """


@config.command(short_help="Every setting, its value, where it comes from")
@json_option
def show(as_json: bool) -> None:
    """Show every setting with its value and where it comes from; secrets are masked.

    \b
    answerloop config show --json
    """
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
        whole=("setting",),
        wide_only=("meaning",),
    )


@config.command(short_help="Reach every part that the settings name")
@json_option
def check(as_json: bool) -> None:
    """Check the settings and reach every part they name: broker, database, cache, model, scorer.

    \b
    answerloop config check
    answerloop config check --json

    When all are there, the scorer is loaded, and scores a pair. These are checks of
    `answerloop doctor`, which looks at more, and says the mends.
    """
    load_settings()  # one that is wrong ends it here
    found = _outcomes(_PARTS)
    if not any(outcome.status.is_bad for outcome in found.values()):
        found["scorer"] = _outcomes(("scorer-call",))["scorer-call"]
    results = {
        part: {"status": "down" if found[part].status.is_bad else "up", "detail": found[part].seen}
        for part in _PARTS
    }
    if as_json:
        print_json(results)
    else:
        print_table(
            None, ("part", "status", "detail"), ((n, *r.values()) for n, r in results.items())
        )
    if any(result["status"] != "up" for result in results.values()):
        raise SystemExit(4)


@config.command(short_help="Which failure of a call has which cause")
@json_option
def causes(as_json: bool) -> None:
    """Show which failure of a model call has which cause, and what follows.

    \b
    answerloop config causes

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
        whole=("cause",),
        wide_only=() if any(row["changed"] for row in rows) else ("provider", "from"),
    )
    for line in unused_rules(settings.causes):
        stderr().print(line)


@config.command(short_help="How a weak answer is asked for again")
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


def _outcomes(names: Sequence[str]) -> dict[str, Outcome]:
    """Run checks of the doctor's, by name."""
    from app.cli.doctor import look
    from app.doctor.catalogue import named

    return {each.check: each.outcome for each in look(named(names), call=True)}

"""`answerloop config`: show and check the settings, and the tables that they change."""

from __future__ import annotations

from typing import Any

import click

from app.cli.causes import cause_rows, unused_rules, waits_shown
from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.strategies import asked_rows, repeated_calls, shown, strategy_rows, unused_changes
from app.config.secret_urls import masked_url
from app.config.shown import setting_rows
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings


@click.group(short_help="Show and check the settings")
def config() -> None:
    """Settings are ANSWERLOOP_* environment variables, or lines of a .env file."""


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    settings = load_settings()
    rows = setting_rows(settings)
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
    """Check the settings and reach every part they name: broker, database, cache, model, scorer."""
    settings = load_settings()
    configure_logging(settings.log_format, "error")  # the table says it
    results = run_loop(_check(settings))
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


async def _check(settings: Settings) -> dict[str, dict[str, str]]:
    from app.config.gate import gate_by
    from app.engine_file import running_engine
    from app.errors import AnswerloopError
    from app.opening import open_ports
    from app.topic_admin import open_topic_admin

    results: dict[str, dict[str, str]] = {}
    if settings.embedded and (url := running_engine(settings)):
        return {"engine": {"status": "up", "detail": f"running at {url}: see {url}/health"}}
    try:
        admin = await open_topic_admin(settings)
        await admin.close()
        results["broker"] = {"status": "up", "detail": masked_url(settings.broker)}
    except AnswerloopError as error:
        results["broker"] = {"status": "down", "detail": str(error)}
    try:
        opened = await open_ports(settings)
    except AnswerloopError as error:
        results["ports"] = {"status": "down", "detail": str(error)}
        return results
    try:
        ports = opened.ports
        parts: dict[str, Any] = {
            "database": ports.store,
            "cache": ports.cache,
            "model": ports.model,
            "scorer": ports.scorer,
        }
        for name, part in parts.items():
            try:
                detail = await part.check()
                results[name] = {"status": "up", "detail": detail}
            except AnswerloopError as error:
                results[name] = {"status": "down", "detail": str(error)}
        gate = gate_by(settings, ports.scorer.name)  # a scorer elsewhere has told its name now
        detail = f"{gate.metric} >= {gate.threshold:g} ({gate.source})"
        results["gate"] = {"status": "up", "detail": detail}
    finally:
        await opened.close()
    return results

"""`answerloop db migrate` and `db status`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, print_table
from app.loop import run as run_loop
from app.settings import Settings, load_settings


@click.group(short_help="Migrate the database, show its state")
def db() -> None:
    """The database's numbered migrations.

    \b
    answerloop db status
    answerloop db migrate
    """


@db.command()
@json_option
def migrate(as_json: bool) -> None:
    """Apply the migrations that are missing. Repeating it changes nothing; workers do it too.

    \b
    answerloop db migrate
    """
    applied = run_loop(_with_database(load_settings(), "migrate"))
    if as_json:
        print_json([str(each) for each in applied])
    else:
        click.echo("\n".join(f"applied {each}" for each in applied) or "nothing to do")


@db.command()
@json_option
def status(as_json: bool) -> None:
    """Show each migration and when it was applied.

    \b
    answerloop db status --json
    """
    rows = run_loop(_with_database(load_settings(), "status"))
    if as_json:
        print_json([{"number": n, "name": name, "applied_at": at} for n, name, at in rows])
    else:
        print_table(None, ("number", "name", "applied at"), rows)


async def _with_database(settings: Settings, what: str) -> list[Any]:
    from app.adapters.store.postgres import migrate as migrations
    from app.errors import SettingsError
    from app.opening import Closer, database_dsn

    if settings.database == "memory:":
        raise SettingsError(
            "ANSWERLOOP_DATABASE is memory:, which has no migrations", name="ANSWERLOOP_DATABASE"
        )
    closers: list[Closer] = []
    try:
        dsn = await database_dsn(settings, closers)
        return list(await getattr(migrations, what)(dsn))
    finally:
        for closer in reversed(closers):
            await closer()

"""`answerloop ratings reset`: forget what is stored of the ratings, and count the log anew."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, print_table, stderr
from app.errors import InputError
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings


@click.command(short_help="Forget the stored state; a dry run without --yes")
@click.option("--yes", is_flag=True, help="Forget it; without it nothing is changed.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten (the default).")
@json_option
def reset(yes: bool, dry_run: bool, as_json: bool) -> None:
    """Forget the counts, ratings and recommendations that are stored; the log stays as it is.

    The next worker counts the log from the first event that it still has. Stop every worker of the
    ratings pipeline first: an engine that runs here is refused, on Kafka you have to know.

    \b
    answerloop ratings reset
    answerloop ratings reset --yes
    """
    if yes and dry_run:
        raise click.UsageError("--yes and --dry-run exclude each other")
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    if yes and not settings.embedded:
        stderr().print("every worker of the ratings pipeline has to be stopped", markup=False)
    found = run_loop(_reset(settings, dry_run=not yes))
    if as_json:
        print_json(found)
        return
    print_table(
        None,
        ("stored", "forgotten" if yes else "would be forgotten"),
        [(name, f"{count:,}") for name, count in found["stored"].items()],
    )
    if not yes:
        stderr().print("a dry run: --yes forgets it", markup=False)


async def _reset(settings: Settings, *, dry_run: bool) -> dict[str, Any]:
    from app.cli.ratings_desk import ratings_engine
    from app.opening.beside import reading_ratings

    if not dry_run:
        async with ratings_engine(settings) as engine:
            if engine is not None:
                raise InputError("the engine runs the ratings pipeline: stop it first")
    async with reading_ratings(settings) as store:
        stats = await store.stats()
        totals = stats.totals
        stored = {
            "events": totals.valid
            + totals.duplicate
            + totals.stale
            + sum(totals.rejected.values()),
            "ratings": sum(totals.by_halves),
            "users": totals.users,
            "movies": stats.movies,
            "recommendations": await store.users_with_recommendations(),
        }
        partitions = None if dry_run else await store.reset()
    return {"dry_run": dry_run, "stored": stored, "partitions": partitions}

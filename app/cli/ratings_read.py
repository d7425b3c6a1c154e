"""`answerloop ratings stats|recommend`: what the ratings pipeline has counted and learnt."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click
import msgspec

from app.cli.output import json_option, print_json, stdout
from app.cli.ranges import NumberRange
from app.cli.ratings_tables import recommendation_table, stats_tables
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

MAX_ID = 2**32 - 1


@click.command(short_help="Counts of the stream: by outcome, by stars, by minute")
@click.option("--windows", type=click.IntRange(1, 1000), default=10, help="Newest minutes (10).")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--every",
    type=NumberRange(0.1, 3600),
    default=2.0,
    help="Seconds between two looks of --watch (2).",
)
@json_option
def stats(windows: int, watch: bool, every: float, as_json: bool) -> None:
    """Show the counts of the whole stream of ratings, all workers added up.

    Asks the running engine, else reads the database. With --watch and --json: a line for each look.

    \b
    answerloop ratings stats
    answerloop ratings stats --watch --every 5
    answerloop ratings stats --json | jq .rejected
    """
    settings = _quiet_settings()
    if watch:
        run_loop(_watch(settings, windows, every, as_json=as_json))
        return
    found = run_loop(_stats(settings, windows))
    print_json(found) if as_json else stdout().print(stats_tables(found))


@click.command(short_help="A user's best movies that he has not rated")
@click.argument("user", type=click.IntRange(1, MAX_ID))
@click.option("-n", "--movies", type=click.IntRange(1, 100), default=10, help="Most movies (10).")
@json_option
def recommend(user: int, movies: int, as_json: bool) -> None:
    """Show the best movies that USER has not rated; popular ones when nothing is known of him.

    Asks the running engine, else reads the database.

    \b
    answerloop ratings recommend 7
    answerloop ratings recommend 7 -n 25 --json
    """
    found = run_loop(_recommend(_quiet_settings(), user, movies))
    print_json(found) if as_json else stdout().print(recommendation_table(found))


def _quiet_settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    return settings


async def _stats(settings: Settings, windows: int) -> dict[str, Any]:
    from app.cli.ratings_desk import open_desk

    async with open_desk(settings) as desk:
        return await desk.stats(windows)


async def _recommend(settings: Settings, user: int, n: int) -> dict[str, Any]:
    from app.cli.ratings_desk import open_desk

    async with open_desk(settings) as desk:
        return await desk.recommend(user, n)


async def _watch(settings: Settings, windows: int, every: float, *, as_json: bool) -> None:
    from rich.live import Live

    from app.cli.interrupts import stop_signals
    from app.cli.ratings_desk import open_desk

    console = stdout()
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with stop_signals() as stop:
        async with open_desk(settings) as desk:
            try:
                while not stop.is_set():
                    _show(await desk.stats(windows), console, live, as_json=as_json)
                    await _pause(stop, every)
            finally:
                if live is not None:
                    live.stop()


def _show(found: dict[str, Any], console: Any, live: Any, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.flush()
    elif live is None:
        console.print(stats_tables(found))
    else:
        live.start()
        live.update(stats_tables(found), refresh=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

"""`answerloop watch`: a running worker on the terminal, live."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from app.cli.output import stdout
from app.cli.ranges import NumberRange
from app.cli.topics_settings import quiet_settings
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.inspection.reader import TopicReader

_ADDRESS = re.compile(r"https?://[^\s/?#]+/?")


@click.command(short_help="A running worker on the terminal, live")
@click.option("--url", help="The worker's address, where it is not the one of this DATA_DIR.")
@click.option(
    "--every", type=NumberRange(0.2, 3600), default=1.0, help="Seconds between looks (1)."
)
@click.option("--once", is_flag=True, help="Look once.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each look.")
def watch(url: str | None, every: float, once: bool, as_json: bool) -> None:
    """Watch a worker until Ctrl-C: states, rates, retries that wait, model, breaker, lag.

    \b
    answerloop watch
    answerloop watch --url http://worker-2:6066 --every 5
    answerloop watch --once --json | jq .questions.by_status
    """
    if url is not None and not _ADDRESS.fullmatch(url):
        raise click.BadParameter("write http://host:port", param_hint="--url")
    run_loop(_watch(quiet_settings(), url, every, once=once, as_json=as_json))


async def _watch(
    settings: Settings, url: str | None, every: float, *, once: bool, as_json: bool
) -> None:
    from contextlib import AsyncExitStack

    import aiohttp
    from rich.live import Live

    from app.cli.groups_look import own_groups
    from app.cli.interrupts import stop_signals
    from app.cli.watch_print import tables
    from app.errors import UnavailableError
    from app.inspection.opening import reading
    from app.inspection.watching import Watcher

    where = url if url is not None else await asyncio.to_thread(address_of, settings)
    console = stdout()
    live = console.is_terminal and not once and not as_json
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        timeout = aiohttp.ClientTimeout(total=10, sock_connect=3)
        session = await stack.enter_async_context(aiohttp.ClientSession(where, timeout=timeout))
        reader: TopicReader | None = None
        try:
            reader = await stack.enter_async_context(reading(settings))
        except UnavailableError:
            reader = None  # another machine's log: the worker tells the rest
        watcher = Watcher(session, where, reader, own_groups(settings))
        first = await watcher.look()
        screen = None
        if live:
            screen = Live(tables(first), console=console, auto_refresh=False, screen=False)
            screen = stack.enter_context(screen)
        found = first
        while True:
            if screen is not None:
                screen.update(tables(found), refresh=True)
            elif as_json:
                sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
                sys.stdout.buffer.flush()
            else:
                console.print(tables(found))
            if once or await _stopped(stop, every):
                return
            found = await watcher.look()


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def address_of(settings: Settings) -> str:
    """Return where the worker of these settings listens. Raises UnavailableError: nowhere known."""
    from app.data_dir.engine_file import running_engine
    from app.errors import UnavailableError

    found = running_engine(settings)
    if found is None and not settings.http_port:
        raise UnavailableError(
            f"no worker runs with ANSWERLOOP_DATA_DIR={settings.data_dir}: start one "
            "(answerloop worker), or say where one is (--url http://host:port)"
        )
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    return found or f"http://{host}:{settings.http_port}"

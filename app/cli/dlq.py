"""`answerloop dlq`: dead letters, listed, shown, planned, redriven, purged."""

from __future__ import annotations

from typing import Any

import click

from app.cli.dlq_options import chosen, filter_options, read_filter, state_option
from app.cli.output import json_option, print_json, stdout
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

_PAGE = 500


@click.group(short_help="Dead letters: list, show, plan, redrive, purge")
def dlq() -> None:
    """What died, and how it comes back.

    \b
    answerloop dlq list
    answerloop dlq plan --cause unauthorized --since 2h
    answerloop dlq redrive --cause unauthorized --yes
    """


def quiet_settings() -> Settings:
    """Read the settings; logs say only what is wrong."""
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    return settings


@dlq.command("list", short_help="Count dead letters by cause, and list the newest")
@filter_options
@state_option
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="List N at most."
)
@json_option
def list_(limit: int, as_json: bool, **parts: Any) -> None:
    """Count dead letters by cause, topic and state, and list the newest.

    \b
    answerloop dlq list
    answerloop dlq list --cause unauthorized --cause forbidden --since 2h
    answerloop dlq list --state all --limit 1000 --json
    """
    from app.cli.dlq_print import print_counts, print_letters

    page = run_loop(_list(quiet_settings(), read_filter(parts), limit))
    if as_json:
        print_json(page)
        return
    print_counts(page["counts"])
    if page["letters"]:
        print_letters(page["letters"])


async def _list(settings: Settings, wanted: Any, limit: int) -> dict[str, Any]:
    from app.cli.dlq_desk import open_desk
    from app.letters.desk import WantedPage

    async with open_desk(settings) as desk:
        first = await desk.page(
            WantedPage(wanted, limit=max(1, min(_PAGE, limit)), with_counts=True)
        )
        letters, cursor = first["letters"][:limit], first["cursor"]
        while cursor is not None and len(letters) < limit:
            size = min(_PAGE, limit - len(letters))
            page = await desk.page(WantedPage(wanted, limit=size, cursor=cursor))
            letters += page["letters"]
            cursor = page["cursor"]
    return {"counts": first["counts"], "letters": letters}


@dlq.command(short_help="Show a letter, or those of a question, with their bytes")
@click.argument("origin")
@json_option
def show(origin: str, as_json: bool) -> None:
    """Show the letter from ORIGIN (topic/partition/offset), or all letters of a question id.

    Control characters of the bytes are escaped; what is no text is shown in hexadecimal.

    \b
    answerloop dlq show llm-responses-error/3/17
    answerloop dlq show 0b0c6a0e-7a6e-5d0e-8a51-0d3d5f1f7c11 --json
    """
    from app.cli.dlq_print import print_letter

    rows = run_loop(_show(quiet_settings(), origin))
    if as_json:
        print_json(rows)
        return
    for number, row in enumerate(rows):
        if number:
            stdout().print()
        print_letter(row)


async def _show(settings: Settings, text: str) -> list[dict[str, Any]]:
    from app.cli.dlq_desk import open_desk
    from app.core.redrive import LetterFilter, LetterState, parse_origin
    from app.errors import NotFoundError
    from app.letters.desk import WantedPage

    async with open_desk(settings) as desk:
        if parse_origin(text) is not None:
            return [await desk.letter(text)]
        of_question = LetterFilter(question_id=text, state=LetterState.ALL)
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await desk.page(
                WantedPage(of_question, cursor=cursor, newest_first=False, with_bytes=True)
            )
            rows += page["letters"]
            cursor = page["cursor"]
            if cursor is None:
                break
    if not rows:
        raise NotFoundError(
            f"{text} is neither the origin of a dead letter (topic/partition/offset) nor a question"
            " that has one: answerloop dlq list"
        )
    return rows


@dlq.command(short_help="Say what a redrive would do; writes nothing")
@filter_options
@json_option
def plan(as_json: bool, **parts: Any) -> None:
    """Say what `redrive` would send, what it would refuse, and why. Writes nothing.

    \b
    answerloop dlq plan
    answerloop dlq plan --cause overload_retries_exhausted --since 3d --json
    """
    from app.cli.dlq_print import print_plan

    found = run_loop(_plan(quiet_settings(), read_filter(parts)))
    print_json(found) if as_json else print_plan(found)


async def _plan(settings: Settings, wanted: Any) -> dict[str, Any]:
    from app.cli.dlq_desk import open_desk

    async with open_desk(settings) as desk:
        return await desk.plan(wanted)


@dlq.command(short_help="Remove letters for good; a dry run without --yes")
@filter_options
@state_option
@click.option("--yes", is_flag=True, help="Remove them; without it nothing is removed.")
@json_option
def purge(yes: bool, as_json: bool, **parts: Any) -> None:
    """Remove dead letters for good. Without --yes: say which would go.

    Without a filter: what was redriven, and what is older than 30 days. With one: all that fit it,
    whatever their state. A letter that a redrive has in hand stays.

    \b
    answerloop dlq purge
    answerloop dlq purge --cause rejected --until 3d --yes
    """
    from app.cli.dlq_print import print_counts

    given = chosen(parts)
    wanted = read_filter({"state": "all", **given} if given else parts)
    settings = quiet_settings()
    done = run_loop(_purge(settings, wanted, explicit=bool(given), dry_run=not yes))
    if as_json:
        print_json(done)
    elif yes:
        stdout().print(f"{done['purged']} dead letters removed")
    else:
        print_counts(done["counts"])
        stdout().print("a dry run: --yes removes them")


async def _purge(
    settings: Settings, wanted: Any, *, explicit: bool, dry_run: bool
) -> dict[str, Any]:
    from app.cli.dlq_desk import open_desk

    async with open_desk(settings) as desk:
        return await desk.purge(wanted, explicit=explicit, dry_run=dry_run)


@dlq.command(short_help="List the redrives: when, by whom, how many")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="The latest N."
)
@json_option
def redrives(limit: int, as_json: bool) -> None:
    """List the redrives, the latest first.

    \b
    answerloop dlq redrives --limit 10
    """
    from app.cli.dlq_print import print_redrives

    rows = run_loop(_redrives(quiet_settings(), limit))
    print_json(rows) if as_json else print_redrives(rows)


async def _redrives(settings: Settings, limit: int) -> list[dict[str, Any]]:
    from app.cli.dlq_desk import open_desk

    async with open_desk(settings) as desk:
        return await desk.redrives(limit)


@dlq.command(short_help="Open the intake that a flood of deaths has stopped")
@click.option(
    "--url", metavar="URL", help="The engine's address, where it is not the one of this DATA_DIR."
)
@json_option
def resume(url: str | None, as_json: bool) -> None:
    """Open the intake that a flood of deaths has stopped, without waiting for probes to pass.

    Each worker has an intake of its own: on Kafka, say it to each.

    \b
    answerloop dlq resume
    answerloop dlq resume --url http://worker-2:6066
    """
    done = run_loop(_resume(quiet_settings(), url))
    if as_json:
        print_json(done)
    else:
        stdout().print("intake is open again" if done["resumed"] else "intake was not stopped")


async def _resume(settings: Settings, url: str | None) -> dict[str, Any]:
    from app.cli.dlq_desk import http_desk
    from app.data_dir.engine_file import running_engine

    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    found = url or (running_engine(settings) if settings.one_engine else None)
    async with http_desk(found or f"http://{host}:{settings.http_port}", settings) as desk:
        return await desk.resume()


def _add_redrive() -> None:
    from app.cli.dlq_redrive import redrive

    dlq.add_command(redrive)


_add_redrive()

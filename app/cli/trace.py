"""`answerloop trace`: the whole journey of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_error, print_json, printable, stderr
from app.cli.output import stdout as stdout_console
from app.cli.topics_settings import quiet_settings, read_time
from app.cli.topics_wide import print_wide
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.inspection.hops import Hop
    from app.inspection.journey import Journey

_DETAIL = 60
_COLUMNS = (
    "time",
    "+s",
    "topic",
    "at",
    "stage",
    "what",
    "turn",
    "cause",
    "asked s",
    "waited s",
    "f1",
    "tokens",
    "detail",
)


@click.command(short_help="The whole journey of a question, from topics and database")
@click.argument("question_id")
@click.option(
    "--since",
    metavar="WHEN",
    help="Look at records from this time on: -1h, ISO 8601 (when it was accepted, else -7d).",
)
@json_option
def trace(question_id: str, since: str | None, as_json: bool) -> None:
    """Show everything that happened to a question: each record of it on each topic, each call in
    the database, by time, and how it ended.

    Of each topic only the partition of its id is read, up to its end as it is now. What can not be
    reached (database or broker) is named, and the other side tells what it knows.

    \b
    answerloop trace 0b0c6a0e-7a6e-5d0e-8a51-0d3d5f1f7c11
    answerloop trace 0b0c6a0e-7a6e-5d0e-8a51-0d3d5f1f7c11 --since -2d --json | jq '.hops[].what'
    """
    from app.errors import NotFoundError, UnavailableError

    begin = read_time(since, "--since")
    journey = run_loop(_trace(quiet_settings(), question_id, begin))
    if not journey.known:
        if journey.missing:
            raise UnavailableError(
                f"nothing is known of {question_id}, and not all could be asked:"
                f" {'; '.join(journey.missing)}"
            )
        raise NotFoundError(
            f"no question has the id {question_id}: not in the database, and not among"
            f" {journey.searched:,} records of its partitions"
        )
    print_json(journey.as_json()) if as_json else print_journey(journey)
    for each in journey.missing:
        print_error(f"not asked: {each}")


async def _trace(settings: Settings, question_id: str, since: float | None) -> Journey:
    from contextlib import AsyncExitStack

    from app.cli.ratings_progress import LiveCount
    from app.errors import UnavailableError
    from app.inspection.journey import trace as find
    from app.inspection.opening import reading, reading_answers
    from app.inspection.reader import TopicReader
    from app.ports import AnswerStore

    async with AsyncExitStack() as stack:
        live = stack.enter_context(LiveCount(stderr(), "looking", None))
        reader: TopicReader | UnavailableError
        store: AnswerStore | UnavailableError
        try:
            store = await stack.enter_async_context(reading_answers(settings))
        except UnavailableError as error:
            store = error
        try:
            reader = await stack.enter_async_context(reading(settings))
        except UnavailableError as error:
            reader = error
        return await find(
            settings,
            question_id,
            reader,
            store,
            since=since,
            progress=lambda looked, of: live.show(looked, f"of {of:,}"),
        )


def print_journey(journey: Journey) -> None:
    """Print a journey for people."""
    console, question = stdout_console(), journey.question
    console.print(f"[bold]{'question':>16}[/bold]  {printable(journey.question_id)}")
    if question is not None:
        console.print(f"[bold]{'text':>16}[/bold]  {printable(question.question_text)}")
    for trace_id in journey.trace_ids:
        console.print(f"[bold]{'trace':>16}[/bold]  {printable(trace_id)}")
    first = journey.hops[0].at if journey.hops else journey.since
    _print_timeline([_row(hop, first) for hop in journey.hops])
    end = journey.status or "not known"
    console.print(f"[bold]{'state':>16}[/bold]  {printable(end)}")
    if question is not None and question.answer is not None:
        console.print(f"[bold]{'answer':>16}[/bold]  {printable(question.answer)}")


def _print_timeline(rows: list[list[object]]) -> None:
    """Print the hops, without the columns in which nothing is."""
    used = [n for n in range(len(_COLUMNS)) if any(row[n] not in (None, "") for row in rows)]
    if used:
        shown = [["" if row[n] is None else row[n] for n in used] for row in rows]
        print_wide([_COLUMNS[n] for n in used], shown)


def _row(hop: Hop, first: float) -> list[object]:
    from app.core.questions import timestamp

    clock = (timestamp(hop.at) or "").partition("T")[2].removesuffix("Z")
    turn = ".".join("-" if n is None else str(n) for n in (hop.round, hop.generation, hop.attempt))
    text = hop.detail or hop.answer or ""
    detail = text if len(text) <= _DETAIL else f"{text[:_DETAIL]}…"
    return [
        clock,
        f"{hop.at - first:.3f}",
        hop.topic,
        None if hop.partition is None else f"{hop.partition}/{hop.offset}",
        hop.stage,
        hop.what,
        "" if turn == "-.-.-" else turn,
        hop.cause,
        _seconds(hop.wait_asked),
        _seconds(hop.waited),
        hop.f1,
        hop.tokens,
        detail,
    ]


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"

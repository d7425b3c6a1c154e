"""`answerloop groups lag`: what is late, and what waits by design."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_error, print_json, print_table, printable, stdout
from app.cli.topics_settings import quiet_settings
from app.loop import run as run_loop
from app.settings import QUESTIONS, Settings

if TYPE_CHECKING:
    from app.inspection.lag import GroupLag, Waits

_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))


@click.command()
@click.argument("groups", nargs=-1)
@json_option
def lag(groups: tuple[str, ...], as_json: bool) -> None:
    """Show by topic what is late, and beside it the retries that wait by design.

    A record that is not acknowledged is late: work that nobody has finished. A retry that waits is
    acknowledged, and in the database until its due time: it is no lag. One that is due and not yet
    called is late, too. Without the database the topics are shown alone.

    \b
    answerloop groups lag
    answerloop groups lag answerloop-questions --json | jq .waiting
    """
    now = time.time()
    lags, waits, problem = run_loop(_lag(quiet_settings(), groups, now))
    if as_json:
        print_json(
            {
                "groups": [each.as_json(now) for each in lags],
                "waiting": None if waits is None else waits.as_json(),
                "problem": problem,
            }
        )
    else:
        _print_lags(lags, now)
        if waits is not None:
            _print_waits(waits, now)
    if problem is not None:
        print_error(f"what waits by design is not known: {problem}")


async def _lag(
    settings: Settings, names: tuple[str, ...], now: float
) -> tuple[list[GroupLag], Waits | None, str | None]:
    from app.cli.groups_look import chosen_groups
    from app.errors import UnavailableError
    from app.inspection.groups import group_rows
    from app.inspection.lag import group_lag, read_waits
    from app.inspection.opening import reading, reading_answers
    from app.topics import app_name

    async with reading(settings) as reader:
        states = await chosen_groups(settings, reader, names)
        lags = [group_lag(state, await group_rows(reader, state, ages=True)) for state in states]
    if app_name(settings, QUESTIONS) not in {each.group for each in lags}:
        return lags, None, None
    try:
        async with reading_answers(settings) as store:
            return lags, await read_waits(store, now), None
    except UnavailableError as error:
        return lags, None, str(error)


def _print_lags(lags: list[GroupLag], now: float) -> None:
    for each in lags:
        rows = [
            (topic.topic, f"{topic.late:,}", ago(topic.oldest_at, now)) for topic in each.topics
        ]
        stdout().print(printable(f"{each.group} ({each.state}): {each.late:,} late"))
        print_table(None, ("topic", "late", "oldest"), rows)


def _print_waits(waits: Waits, now: float) -> None:
    by_design = waits.questions - waits.due
    if not waits.questions:
        stdout().print("no retry waits")
        return
    said = f"{by_design:,} retries wait by design, {waits.due:,} are due and not called yet"
    stdout().print(said)
    print_table(
        None,
        ("cause", "questions", "next due"),
        [
            (
                cause,
                f"{count:,}",
                f"in {span(due - now)}" if due > now else f"{span(now - due)} ago",
            )
            for cause, count, due in waits.by_cause
        ],
    )


def ago(at: float | None, now: float) -> str:
    """Return how long ago something was, in words."""
    return "-" if at is None else f"{span(max(0.0, now - at))} ago"


def span(seconds: float) -> str:
    """Return a length of time in its largest fitting unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"

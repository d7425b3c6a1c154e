"""`answerloop groups reset`: sets the offsets of a group that nobody is in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_json, print_table, stderr, stdout
from app.cli.topics_settings import quiet_settings, read_time
from app.loop import run as run_loop
from app.settings import RATINGS, Settings

if TYPE_CHECKING:
    from app.inspection.groups import Move

_OFFSET = re.compile(r"\d{1,18}")


@click.command()
@click.argument("group")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="WHERE",
    help="earliest, latest, an offset, or a time: -1h, ISO 8601.",
)
@click.option("--topic", "topics", multiple=True, help="This topic only; may be repeated.")
@click.option(
    "--partition", "partitions", multiple=True, type=click.IntRange(0), help="Of the one --topic."
)
@click.option("--yes", is_flag=True, help="Do it; without this the plan is shown.")
@click.option("--dry-run", is_flag=True, help="Show the plan: the default.")
@json_option
def reset(
    group: str,
    target: str,
    topics: tuple[str, ...],
    partitions: tuple[int, ...],
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Set what a group has read, on all topics that it has committed or on some.

    Records before the new offsets are read again: for the pipeline a repeat changes nothing. What
    the new offsets skip is never read: a question in it has to be asked again. Refused while
    anybody is in the group: stop its workers; on the embedded log, the engine.

    \b
    answerloop groups reset answerloop-questions --to -1h
    answerloop groups reset answerloop-questions --to earliest --topic questions-settled --yes
    answerloop groups reset my-look --to 1200 --topic ratings --partition 3 --yes
    """
    if yes and dry_run:
        raise click.UsageError("--yes and --dry-run exclude each other")
    settings = quiet_settings()
    moves = run_loop(_reset(settings, group, _place(target), topics, partitions, yes=yes))
    if as_json:
        print_json(
            {"group": group, "dry_run": not yes, "partitions": [move.as_json() for move in moves]}
        )
        return
    _print_plan(moves)
    again = sum(-move.change for move in moves if move.change < 0)
    skipped = sum(move.change for move in moves if move.change > 0)
    done = "are set" if yes else "would be set"
    stdout().print(f"{len(moves)} offsets {done}: {again:,} records again, {skipped:,} skipped")
    _say_what_follows(settings, group, skipped, yes=yes)


def _place(text: str) -> str | int | float:
    """Return `earliest`, `latest`, an offset (int) or a time (Unix seconds, float)."""
    if text in {"earliest", "latest"}:
        return text
    if _OFFSET.fullmatch(text):
        return int(text)
    return float(read_time(text, "--to") or 0.0)


async def _reset(
    settings: Settings,
    group: str,
    to: str | int | float,
    topics: tuple[str, ...],
    partitions: tuple[int, ...],
    *,
    yes: bool,
) -> list[Move]:
    from app.inspection.groups import apply_reset, known_group, plan_reset
    from app.inspection.opening import reading

    async with reading(settings) as reader:
        state = await known_group(reader, group)
        moves = await plan_reset(reader, state, to, topics, partitions)
        if yes:
            await apply_reset(reader, group, moves)
    return moves


def _print_plan(moves: list[Move]) -> None:
    print_table(
        None,
        ("TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET", "CHANGE"),
        [(m.topic, m.partition, m.current, m.new, f"{m.change:+,}") for m in moves],
    )


def _say_what_follows(settings: Settings, group: str, skipped: int, *, yes: bool) -> None:
    from app.topics import app_name

    say = stderr().print
    if skipped:
        say("questions in what is skipped stay unanswered until they are asked again")
    if group == app_name(settings, RATINGS):
        say("the ratings pipeline goes on from the offsets stored with its counts:")
        say("answerloop ratings reset is what makes it count anew")
    if not yes:
        say("nothing was changed; --yes does it")

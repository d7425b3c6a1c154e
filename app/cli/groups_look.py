"""`answerloop groups list` and `groups describe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, print_table, printable, stdout
from app.cli.topics_settings import quiet_settings
from app.cli.topics_wide import print_wide
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.inspection.groups import GroupRow
    from app.inspection.reader import GroupState, TopicReader

_COLUMNS = (
    "GROUP",
    "TOPIC",
    "PARTITION",
    "CURRENT-OFFSET",
    "LOG-END-OFFSET",
    "LAG",
    "CONSUMER-ID",
    "HOST",
    "CLIENT-ID",
)


@click.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every consumer group of the broker: its state, topics, and how far behind it is.

    On the embedded log a group is Stable while an engine runs, else Empty.

    \b
    answerloop groups list
    answerloop groups list --json
    """
    rows = run_loop(_list(quiet_settings()))
    if as_json:
        print_json(rows)
        return
    print_table(
        None,
        ("group", "state", "topics", "partitions", "lag", ""),
        [
            (
                row["group"],
                row["state"],
                row["topics"],
                row["partitions"],
                f"{row['lag']:,}",
                "ours" if row["ours"] else "",
            )
            for row in rows
        ],
    )


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from app.inspection.groups import group_rows
    from app.inspection.opening import reading

    ours = own_groups(settings)
    found = []
    async with reading(settings) as reader:
        for state in await reader.groups():
            rows = await group_rows(reader, state)
            found.append(
                {
                    "group": state.name,
                    "state": state.state,
                    "ours": state.name in ours,
                    "topics": len({row.topic for row in rows}),
                    "partitions": len(rows),
                    "lag": sum(row.lag or 0 for row in rows),
                }
            )
    return found


def own_groups(settings: Settings) -> list[str]:
    """Return the groups of the pipelines in PIPELINES."""
    from app.topics import app_name

    return [app_name(settings, pipeline) for pipeline in settings.pipeline_names]


@click.command()
@click.argument("groups", nargs=-1)
@json_option
def describe(groups: tuple[str, ...], as_json: bool) -> None:
    """Show each partition of a group as kafka-consumer-groups does, and the age of what waits.

    OLDEST is the time of the first record that is not acknowledged. Without a name: the groups of
    PIPELINES, as far as the broker has them.

    \b
    answerloop groups describe
    answerloop groups describe answerloop-questions --json
    """
    found = run_loop(_describe(quiet_settings(), groups))
    if as_json:
        print_json(
            [
                {
                    "group": state.name,
                    "state": state.state,
                    "members": len(state.members),
                    "partitions": [row.as_json() for row in rows],
                }
                for state, rows in found
            ]
        )
        return
    for state, rows in found:
        stdout().print(printable(f"{state.name}: {state.state}, {len(state.members)} members"))
        print_wide((*_COLUMNS, "OLDEST"), [list(row.as_json().values()) for row in rows])


async def _describe(
    settings: Settings, names: tuple[str, ...]
) -> list[tuple[GroupState, list[GroupRow]]]:
    from app.inspection.groups import group_rows
    from app.inspection.opening import reading

    async with reading(settings) as reader:
        states = await chosen_groups(settings, reader, names)
        return [(state, await group_rows(reader, state, ages=True)) for state in states]


async def chosen_groups(
    settings: Settings, reader: TopicReader, names: tuple[str, ...]
) -> list[GroupState]:
    """Return the named groups, else those of PIPELINES that are there. Raises NotFoundError."""
    from app.errors import NotFoundError
    from app.inspection.groups import known_group

    if names:
        return [await known_group(reader, name) for name in names]
    there = {state.name for state in await reader.groups()}
    own = [name for name in own_groups(settings) if name in there]
    if not own:
        wanted = " or ".join(own_groups(settings))
        raise NotFoundError(f"{reader.where} has no group {wanted} yet: has a worker run?")
    return [await reader.group(name) for name in own]

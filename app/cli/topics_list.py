"""`answerloop topics list` and `topics describe`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, print_table
from app.cli.topics_settings import quiet_settings
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.broker.topic_admin import TopicState


@click.command("list")
@click.option("--all", "all_", is_flag=True, help="Also topics of the broker that are not ours.")
@json_option
def list_(all_: bool, as_json: bool) -> None:
    """List the topics: what each holds, how many messages, which offsets, how many bytes.

    On a compacted topic (a table's changelog) the messages are no more than said.

    \b
    answerloop topics list
    answerloop topics list --all --json
    """
    rows = run_loop(_list(quiet_settings(), also_others=all_))
    if as_json:
        print_json(rows)
        return
    columns = ("topic", "record", "partitions", "messages", "low", "high", "bytes", "about")
    print_table(
        None,
        (*columns[:-1], "holds"),
        [[_counted(row[name]) for name in columns] for row in rows],
        wide_only=("record", "holds"),
    )


def _counted(value: Any) -> Any:
    return f"{value:,}" if isinstance(value, int) else value


async def _list(settings: Settings, *, also_others: bool) -> list[dict[str, Any]]:
    from app.errors import UnavailableError
    from app.inspection.opening import reading
    from app.topics import all_topics

    specs = {spec.name: spec for spec in all_topics(settings)}
    rows = [
        {
            "topic": spec.name,
            "record": spec.record.__name__ if spec.record else "table",
            "about": spec.about,
            **dict.fromkeys(("partitions", "messages", "low", "high", "bytes")),
        }
        for spec in specs.values()
    ]
    if settings.embedded and not _log_is_there(settings):
        return rows
    async with reading(settings) as reader:
        there = await reader.topics()
        if also_others:
            rows += [
                {"topic": name, "record": None, "about": "not one of ours"}
                for name in there
                if name not in specs
            ]
        wanted = [str(row["topic"]) for row in rows if row["topic"] in set(there)]
        partitions = await reader.partitions(wanted)
        spans = await reader.spans(partitions)
        try:
            sizes = await reader.sizes(wanted)
        except UnavailableError:  # a broker may keep that from us; the rest is shown
            sizes = {}
    for row in rows:
        own = [span for tp, span in spans.items() if tp[0] == row["topic"]]
        if own:
            row |= {
                "partitions": len(own),
                "messages": sum(span.messages for span in own),
                "low": min(span.start for span in own),
                "high": max(span.end for span in own),
                "bytes": sizes.get(str(row["topic"])),
            }
    return rows


def _log_is_there(settings: Settings) -> bool:
    from app.broker import log_folder
    from app.transports.embedded.layout import FILE_NAME

    return not settings.broker.startswith("log:") or (log_folder(settings) / FILE_NAME).exists()


@click.command()
@click.argument("name")
@json_option
def describe(name: str, as_json: bool) -> None:
    """Describe one topic as the broker has it: each partition, and the configuration.

    \b
    answerloop topics describe dead-letters
    answerloop topics describe dead-letters --json | jq .layout
    """
    from app.topics import all_topics

    settings = quiet_settings()
    state, layout, size = run_loop(_describe(settings, name))
    spec = next((each for each in all_topics(settings) if each.name == name), None)
    wanted = {} if spec is None else spec.config
    if as_json:
        print_json(
            {
                "name": name,
                "record": spec.record.__name__ if spec is not None and spec.record else None,
                "partitions": state.partitions,
                "messages": sum(row["messages"] for row in layout),
                "bytes": size,
                "layout": layout,
                "config": state.config,
                "wanted": wanted,
            }
        )
        return
    _print_layout(layout)
    rows = [
        (key, value, "" if wanted.get(key, value) == value else f"differs: {wanted[key]} is wanted")
        for key, value in sorted(state.config.items())
    ]
    head = [("partitions", state.partitions, ""), ("bytes", _counted(size), "")]
    print_table(None, ("setting", "value", ""), [*head, *rows])


def _print_layout(layout: Sequence[dict[str, Any]]) -> None:
    columns = ["partition", "messages", "low", "high"]
    if any(row["leader"] is not None for row in layout):
        columns += ["leader", "replicas", "in_sync"]
    print_table(
        None,
        [each.replace("_", " ") for each in columns],
        [[_cell(row[name]) for name in columns] for row in layout],
    )


def _cell(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else _counted(value)


async def _describe(
    settings: Settings, name: str
) -> tuple[TopicState, list[dict[str, Any]], int | None]:
    from app.broker.topic_admin import open_topic_admin
    from app.errors import NotFoundError, UnavailableError
    from app.inspection.opening import reading

    admin = await open_topic_admin(settings)
    try:
        found = await admin.describe([name])
    finally:
        await admin.close()
    if name not in found:
        raise NotFoundError(f"the broker has no topic {name}; see answerloop topics list")
    async with reading(settings) as reader:
        layout = [
            {
                "partition": state.partition,
                "messages": state.span.messages,
                "low": state.span.start,
                "high": state.span.end,
                "leader": state.leader,
                "replicas": list(state.replicas),
                "in_sync": list(state.in_sync),
            }
            for state in await reader.describe(name)
        ]
        try:
            size = (await reader.sizes([name])).get(name)
        except UnavailableError:
            size = None
    return found[name], layout, size

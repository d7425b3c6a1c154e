"""`answerloop topics`: create, list, describe, schema, tail, verify."""

from __future__ import annotations

import click

from app.broker.topic_admin import TopicReport
from app.cli.lazy import lazy_group
from app.cli.output import json_option, print_json, print_table
from app.loop import run as run_loop
from app.settings import Settings, load_settings

COMMANDS = {
    "create": ("app.cli.topics", "create", "Create the missing topics, report what differs"),
    "list": ("app.cli.topics_list", "list_", "What each topic holds: messages, offsets, bytes"),
    "describe": ("app.cli.topics_list", "describe", "One topic: partitions and configuration"),
    "schema": (
        "app.cli.topics_schema",
        "schema",
        "What lies on the topics: records, fields, who sends and receives; AsyncAPI",
    ),
    "tail": ("app.cli.topics_tail", "tail", "Read a topic's records, decoded, and follow it"),
    "verify": ("app.cli.topics_verify", "verify", "Check every record and every setting"),
}


@click.group(
    cls=lazy_group(COMMANDS),
    short_help="Create, list, describe, tail, verify topics; their schemas",
)
def topics() -> None:
    """The pipeline's topics on the broker (Kafka or the embedded log).

    \b
    answerloop topics list
    answerloop topics tail dead-letters -o -10
    answerloop topics verify
    """


@click.command()
@json_option
def create(as_json: bool) -> None:
    """Create the missing topics with their settings; report what differs. May be repeated.

    \b
    answerloop topics create
    answerloop topics create --json
    """
    reports = run_loop(_create(load_settings()))
    if as_json:
        print_json(
            [{"name": r.name, "state": r.state, "differences": r.differences} for r in reports]
        )
        return
    print_table(
        None,
        ("topic", "state", "differences"),
        ((r.name, r.state, "; ".join(r.differences) or "-") for r in reports),
    )


async def _create(settings: Settings) -> list[TopicReport]:
    from app.broker.topic_admin import ensure_topics, open_topic_admin
    from app.topics import all_topics

    admin = await open_topic_admin(settings)
    try:
        return await ensure_topics(admin, all_topics(settings))
    finally:
        await admin.close()

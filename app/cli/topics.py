"""`answerloop topics create|list|describe`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app.cli.output import json_option, print_json, print_table
from app.loop import run as run_loop
from app.settings import Settings, load_settings
from app.topic_admin import TopicReport, TopicState


@click.group(short_help="Create, list and describe topics")
def topics() -> None:
    """The pipeline's topics on the broker (Kafka or the embedded log)."""


@topics.command()
@json_option
def create(as_json: bool) -> None:
    """Create the missing topics with their settings; report what differs. May be repeated."""
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


@topics.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the topics of the pipeline: what each holds, and whether it is there."""
    from app.topics import all_topics

    settings = load_settings()
    specs = all_topics(settings)
    found = run_loop(_describe(settings, [spec.name for spec in specs]))
    rows = [
        {
            "topic": spec.name,
            "record": spec.record.__name__ if spec.record else "table",
            "partitions": found[spec.name].partitions if spec.name in found else None,
            "about": spec.about,
        }
        for spec in specs
    ]
    print_json(rows) if as_json else print_table(
        None, ("topic", "record", "partitions", "holds"), [list(row.values()) for row in rows]
    )


@topics.command()
@click.argument("name")
@json_option
def describe(name: str, as_json: bool) -> None:
    """Describe one topic: partitions and configuration as the broker has them."""
    from app.errors import NotFoundError

    found = run_loop(_describe(load_settings(), [name]))
    if name not in found:
        raise NotFoundError(f"the broker has no topic {name}; see answerloop topics list")
    state = found[name]
    if as_json:
        print_json({"name": name, "partitions": state.partitions, "config": state.config})
        return
    print_table(
        None,
        ("setting", "value"),
        [("partitions", state.partitions), *sorted(state.config.items())],
    )


async def _create(settings: Settings) -> list[TopicReport]:
    from app.topic_admin import ensure_topics, open_topic_admin
    from app.topics import all_topics

    admin = await open_topic_admin(settings)
    try:
        return await ensure_topics(admin, all_topics(settings))
    finally:
        await admin.close()


async def _describe(settings: Settings, names: Sequence[str]) -> dict[str, TopicState]:
    from app.topic_admin import open_topic_admin

    admin = await open_topic_admin(settings)
    try:
        return await admin.describe(names)
    finally:
        await admin.close()

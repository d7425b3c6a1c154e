"""`answerloop groups`: list, describe, lag, reset."""

from __future__ import annotations

import click

from app.cli.lazy import lazy_group

COMMANDS = {
    "list": ("app.cli.groups_look", "list_", "Every consumer group of the broker"),
    "describe": ("app.cli.groups_look", "describe", "Each partition, as kafka-consumer-groups"),
    "lag": ("app.cli.groups_lag", "lag", "What is late, and what waits by design"),
    "reset": ("app.cli.groups_reset", "reset", "Set the offsets of a group that nobody is in"),
}


@click.group(cls=lazy_group(COMMANDS), short_help="Consumer groups: list, describe, lag, reset")
def groups() -> None:
    """The consumer groups on the broker (Kafka or the embedded log).

    \b
    answerloop groups lag
    answerloop groups describe answerloop-questions
    answerloop groups reset answerloop-questions --to -1h
    """

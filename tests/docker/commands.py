"""Whether a command line would be understood, without running it."""

from __future__ import annotations

import click


def parsed(command: click.Command, words: list[str]) -> str | None:
    """Return what is wrong with the words, or None."""
    context = click.Context(command, info_name="answerloop")
    try:
        while isinstance(command, click.Group):
            _, found, rest = command.resolve_command(context, words)
            assert found is not None
            command, words = found, rest
            context = click.Context(command, info_name=command.name, parent=context)
        command.parse_args(context, list(words))
    except click.ClickException as error:
        return error.format_message()
    return None

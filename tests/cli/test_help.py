"""`--help` of every command: each option is explained, and there is something to copy."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from app.cli.main import cli

#: What click makes of a type where nobody said what the value is.
_TYPES_OF_CLICK = ("INTEGER", "FLOAT")


def _commands(
    command: click.Command, parent: click.Context | None, name: str
) -> Iterator[click.Context]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=80)
    yield context
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from _commands(found, context, each)


COMMANDS = list(_commands(cli, None, "answerloop"))
GROUPS = [each for each in COMMANDS if isinstance(each.command, click.Group)]


@pytest.mark.parametrize("context", COMMANDS, ids=lambda each: each.command_path)
def test_a_command_is_explained_with_examples(context: click.Context) -> None:
    text = context.get_help()
    path = context.command_path
    assert f"  {path}" in text or f" {path} " in text.split("\n", 1)[1], "no example"
    for param in context.command.params:
        if isinstance(param, click.Option):
            assert param.help, f"{param.opts}: no help"
            assert not param.make_metavar(context).startswith(_TYPES_OF_CLICK), param.opts


@pytest.mark.parametrize("context", GROUPS, ids=lambda each: each.command_path)
def test_lines_of_an_overview_are_whole(context: click.Context) -> None:
    _, _, overview = context.get_help().partition("Commands:\n")
    assert overview
    assert "..." not in overview

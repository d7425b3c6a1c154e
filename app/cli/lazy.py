"""Groups whose commands are imported when they are used: `--help` stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import ClassVar

import click
from click.shell_completion import CompletionItem

#: name -> (module, attribute, one line for the overview)
Commands = Mapping[str, tuple[str, str, str]]

_NUMBERS = (type(click.INT), type(click.FLOAT))  # ranges are children of these


class LazyGroup(click.Group):
    """A group of commands that are named by their modules; `commands_by_name` is set by a child."""

    commands_by_name: ClassVar[Commands] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.commands_by_name:
            return None
        module, attribute, _ = self.commands_by_name[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        _call_numbers_n(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Name commands without importing them; options as click does."""
        commands = [
            CompletionItem(name, help=about)
            for name, (*_, about) in self.commands_by_name.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, about) for name, (*_, about) in self.commands_by_name.items()]
            )


def _call_numbers_n(command: click.Command) -> None:
    """Let numbers without a name of their own be `N` in the help, not `INTEGER RANGE`."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _call_numbers_n(each)
    for param in command.params:
        number = isinstance(param.type, _NUMBERS) and not isinstance(param, click.Argument)
        if number and param.metavar is None:
            param.metavar = "N"


def lazy_group(commands: Commands) -> type[LazyGroup]:
    """Return a class for `click.group(cls=...)` with these commands."""
    return type("LazyCommands", (LazyGroup,), {"commands_by_name": commands})

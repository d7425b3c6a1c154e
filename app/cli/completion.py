"""`answerloop completion SHELL`: prints the script that completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from app.cli.output import print_line

PROGRAM = "answerloop"
#: The variable by which the script asks the program, as click names it.
VARIABLE = "_ANSWERLOOP_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script for the shell that completes commands, options and choices.

    \b
    eval "$(answerloop completion bash)"      # in ~/.bashrc; zsh alike in ~/.zshrc
    answerloop completion fish > ~/.config/fish/completions/answerloop.fish
    """
    made_by = get_completion_class(shell)
    if made_by is None:  # pragma: no cover - click knows the three of the choice
        raise click.UsageError(f"no completion for {shell}")
    print_line(made_by(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source())

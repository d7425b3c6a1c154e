"""The filter options that the `dlq` commands share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import click

from app.cli.output import stderr
from app.core.failures import CAUSES
from app.core.redrive import LetterFilter, LetterState
from app.errors import InputError
from app.letters.shown import filter_of

_OPTIONS = (
    click.option(
        "--cause", "cause", multiple=True, metavar="NAME", help="Of this cause; may be given again."
    ),
    click.option("--topic", metavar="NAME", help="From this topic of origin."),
    click.option("--since", metavar="WHEN", help="Dead since: 2h, 3d (ago), or an ISO time."),
    click.option("--until", metavar="WHEN", help="Dead before: 2h, 3d (ago), or an ISO time."),
    click.option(
        "--attempts-at-least", type=click.IntRange(0), metavar="N", help="After N attempts or more."
    ),
    click.option("--question", "question_id", metavar="ID", help="Of this question."),
)

state_option = click.option(
    "--state",
    type=click.Choice([str(state) for state in LetterState]),
    help="open: not sent again yet (the default); redriven; all.",
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a filter to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in parts.items() if value not in (None, ())}


def _refuse_empty(parts: dict[str, Any]) -> None:
    """An option whose text is empty, by an unset variable say, must not mean all letters."""
    for name, value in parts.items():
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and not text.strip(" ,") for text in texts):
            option = "--" + name.replace("_", "-").replace("-id", "")
            raise click.BadParameter("it is empty", param_hint=option)


def _tell_misspelt(causes: Sequence[str]) -> None:
    """Say on stderr which cause was meant; CAUSES has not all of them, stages add some."""
    for cause in causes:
        near = () if cause in CAUSES else get_close_matches(cause, CAUSES, n=1, cutoff=0.8)
        for name in near:
            stderr().print(f"--cause {cause}: did you mean {name}?", style="yellow", markup=False)


def read_filter(parts: dict[str, Any]) -> LetterFilter:
    """Return the filter of the options. Raises a usage error that names the option."""
    _refuse_empty(parts)
    try:
        wanted = filter_of(chosen(parts), time.time())
    except InputError as error:
        option = "--" + str(error.field).replace("_", "-").replace("-id", "")
        raise click.BadParameter(str(error), param_hint=option) from None
    _tell_misspelt(parts.get("cause") or ())
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise click.BadParameter("it is not after --since: no letter can fit", param_hint="--until")
    return wanted

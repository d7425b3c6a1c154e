"""The options that say how a file of questions is to be read: one set for all commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from app.files import Layout

F = TypeVar("F", bound=Callable[..., Any])

#: Names as `app.files` has them; written out, since every --help imports this.
FORMATS = ("csv", "jsonl", "yahoo")
ENCODINGS = ("utf-8", "windows-1252", "latin-1", "latin-9", "mac-roman", "cp850")

_OPTIONS = (
    click.option(
        "--question-column", metavar="NAME", help="Column (of JSONL: key) of the questions."
    ),
    click.option(
        "--reference-column", metavar="NAME", help="Column or key of the reference answers."
    ),
    click.option(
        "--encoding", type=click.Choice(ENCODINGS), metavar="NAME",
        help=f"{', '.join(ENCODINGS)}.  [default: utf-8]",
    ),
    click.option(
        "--format", "file_format", type=click.Choice(FORMATS), help="Default: by name and content."
    ),
)  # fmt: skip


def layout_options(command: F) -> F:
    """Add the options to a command; `layout_of` makes a Layout of their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def layout_of(options: dict[str, Any]) -> Layout:
    """Take the options of `layout_options` out of a command's options."""
    from app.files import Layout

    return Layout(
        format=options.pop("file_format"),
        question=options.pop("question_column"),
        reference=options.pop("reference_column"),
        encoding=options.pop("encoding"),
    )

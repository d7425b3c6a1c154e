"""Tables for people, JSON for programs: data on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def stdout() -> Console:
    """Return a console for data: no colour and no wrapping to a terminal when piped."""
    piped = not sys.stdout.isatty()
    return Console(file=sys.stdout, highlight=False, width=160 if piped else None, no_color=piped)


def stderr() -> Console:
    """Return a console for progress and notes."""
    return Console(file=sys.stderr, highlight=False)


def print_json(value: Any) -> None:
    """Print a value as indented JSON, UTF-8."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.buffer.write(encoded + b"\n")
    sys.stdout.flush()


def print_table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; cells are text and are never read as markup."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    stdout().print(table)


def printable(value: Any) -> str:
    """Return text that is safe on a terminal: no control characters, no markup."""
    from rich.markup import escape

    if value is None:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    clean = "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return escape(clean)

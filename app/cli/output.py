"""Tables for people, JSON for programs: data on stdout, everything else on stderr.

What people see goes through `SafeConsole`: no text can steer the terminal, whoever wrote it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from app.core.terminal import neutralised

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

#: Columns of a terminal that shows everything.
_WIDE = 100
#: Characters that JSON leaves as they are, and that a terminal may obey: C1 controls, bidirectional
#: and other invisible formatting.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class SafeConsole(Console):
    """A console on which control characters in a text are shown as U+FFFD."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render; the console's own control codes (colours, cursor) are no texts, and stay."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control or text.isprintable():
                yield segment
            else:
                yield Segment(neutralised(text), style)


def stdout() -> Console:
    """Return a console for data: no colour and no wrapping to a terminal when piped."""
    piped = not sys.stdout.isatty()
    width = 160 if piped else None
    return SafeConsole(file=sys.stdout, highlight=False, width=width, no_color=piped)


def stderr() -> Console:
    """Return a console for progress and notes."""
    return SafeConsole(file=sys.stderr, highlight=False)


def print_json(value: Any) -> None:
    r"""Print a value as indented JSON, UTF-8; what a terminal may obey is written as `\uXXXX`."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    exact = _OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    sys.stdout.buffer.write(exact.encode() + b"\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Print one line of data on stdout, as wide as it is, at once."""
    sys.stdout.write(f"{neutralised(text)}\n")
    sys.stdout.flush()


def print_error(text: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"{neutralised(text)}\n")


def print_table(
    title: str | None,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    whole: Sequence[str] = (),
    wide_only: Sequence[str] = (),
) -> None:
    """Print a table; cells are text and are never read as markup.

    Cells of the columns `whole` stay on one line. A terminal under 100 columns shows the table
    without the columns `wide_only`, and says so.
    """
    console = stdout()
    left_out = wide_only if console.width < _WIDE else ()
    table = Table(title=title, title_justify="left", header_style="bold", caption_justify="left")
    if left_out:
        table.caption = f"not shown in under {_WIDE} columns: {', '.join(left_out)}"
    shown = [at for at, column in enumerate(columns) if column not in left_out]
    for at in shown:
        table.add_column(columns[at], overflow="fold", no_wrap=columns[at] in whole)
    for row in rows:
        table.add_row(*(printable(row[at]) for at in shown))
    console.print(table)


def printable(value: Any) -> str:
    """Return text that is safe on a terminal: no control characters, no markup."""
    from rich.markup import escape

    if value is None:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return escape(neutralised(text))

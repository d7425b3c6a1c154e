"""Tables that are wider than a terminal: aligned columns of plain text, each row one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.cli.output import print_line
from app.core.terminal import neutralised


def print_wide(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as Kafka's own tools do, `-` for None; no text steers the terminal."""
    cells = [[_cell(value) for value in row] for row in rows]
    lines = [list(columns), *cells]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print_line("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(neutralised(text).split())

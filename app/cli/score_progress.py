"""The progress of scoring a file on stderr, by the bytes of it that were read."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.cli.live_bar import LiveBar
from app.files import BadRow
from app.scoring.file_run import Totals

_LINE_SECONDS = 5.0
_SHOWN_BAD_ROWS = 5


class ScoreProgress(LiveBar):
    """Shows pairs, pairs/s, time left and how many pass."""

    def __init__(self, console: Console, size: int) -> None:
        super().__init__(
            console,
            TextColumn("{task.fields[what]}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bad = 0
        self._began = time.monotonic()
        self._line_at = self._began
        self._before = 0
        self._task = self._bar.add_task("", total=size, what="scoring", told="")

    def note(self, what: str) -> None:
        """Say what is being done; the speed is counted from here."""
        self._began = time.monotonic()
        self._bar.update(self._task, what=what)

    def bad_row(self, row: BadRow) -> None:
        """Report a row that can't be read: the first few by line, then their file only."""
        self._bad += 1
        if self._bad <= _SHOWN_BAD_ROWS:
            self._console.print(f"line {row.line}: {escape(row.reason)}", style="yellow")
        elif self._bad == _SHOWN_BAD_ROWS + 1:
            self._console.print("more bad rows: see the rejects file", style="yellow")

    def show(self, totals: Totals, position: int) -> None:
        """Show where the run is: `position` bytes of the file are read."""
        summary = totals.summary
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = (summary.pairs - totals.resumed) / seconds
        told = f"{summary.pairs} pairs {rate:.0f}/s, {summary.verdicts['pass']} pass"
        self._bar.update(self._task, completed=position, told=told)
        if not self._console.is_terminal and time.monotonic() - self._line_at > _LINE_SECONDS:
            self._line_at = time.monotonic()
            self._console.print(told)

"""Progress of ratings commands on stderr: a bar on a terminal, a line now and then when piped."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.cli.live_bar import LiveBar

_LINE_SECONDS = 5.0
_SHOW_SECONDS = 0.1


class LiveCount(LiveBar):
    """Counts events against an expected number (None: unknown), with the rate and a note."""

    def __init__(self, console: Console, what: str, expected: int | None) -> None:
        self._expected = expected
        self._started = time.monotonic()
        self._shown_at = 0.0
        self._line_at = self._started
        columns = [
            TextColumn(what),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
        ]
        if expected is not None:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        columns.append(TextColumn("{task.fields[note]}"))
        super().__init__(console, *columns)
        self._task = self._bar.add_task("", total=expected, count="", rate="", note="")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(escape(text), style="yellow")

    def show(self, done: int, note: str = "") -> None:
        """Show where things stand: on a terminal ten times a second, else a line now and then."""
        now = time.monotonic()
        if now - self._shown_at < _SHOW_SECONDS:
            return
        self._shown_at = now
        rate = f"{done / max(now - self._started, 1e-9):,.0f}/s"
        of = "" if self._expected is None else f"/{self._expected:,}"
        count = f"{done:,}{of}"
        if self._console.is_terminal:
            note = escape(note)
            self._bar.update(self._task, completed=done, count=count, rate=rate, note=note)
        elif now - self._line_at > _LINE_SECONDS:
            self._line_at = now
            self._console.print(escape(f"{count} {rate} {note}".rstrip()))


class LiveSteps(LiveBar):
    """Steps of several pieces of work, one bar for each; nothing when piped."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
        )
        self._tasks: dict[str, TaskID] = {}

    def show(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done)

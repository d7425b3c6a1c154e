"""The progress of `doctor` on stderr: what is being looked at; a line now and then when piped."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from app.cli.live_bar import LiveBar

_LINE_SECONDS = 5.0
_SHOWN = 2


class DoctorProgress(LiveBar):
    """Shows how many checks have ended, and which run."""

    def __init__(self, console: Console, checks: int) -> None:
        super().__init__(
            console,
            TextColumn("checking"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[names]}"),
        )
        self._checks = checks
        self._line_at = time.monotonic()
        self._task = self._bar.add_task("", total=checks, names="")

    def show(self, running: Sequence[str], ended: int) -> None:
        more = f" and {len(running) - _SHOWN} more" if len(running) > _SHOWN else ""
        names = escape(", ".join(running[:_SHOWN]) + more)
        self._bar.update(self._task, completed=ended, names=names)
        if running and not self._console.is_terminal:
            now = time.monotonic()
            if now - self._line_at > _LINE_SECONDS:
                self._line_at = now
                self._console.print(f"{ended}/{self._checks} checked, waiting for {names}")

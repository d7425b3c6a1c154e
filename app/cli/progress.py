"""The progress of a run on stderr: a live bar on a terminal, a line now and then when piped."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.cli.live_bar import LiveBar
from app.core.lifecycle import Status

_LINE_SECONDS = 5.0
_SHOWN_BAD_ROWS = 5
_COLOURS = {
    Status.VALIDATED: "green",
    Status.LOW_QUALITY: "yellow",
    Status.UNSCORED: "cyan",
    Status.DEAD: "red",
    Status.WAITING: "magenta",
}


class BatchProgress(LiveBar):
    """Shows rate, time left and counts by state."""

    def __init__(self, console: Console, expected: int) -> None:
        super().__init__(
            console,
            TextColumn("{task.fields[what]}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[states]}"),
        )
        self._expected = expected
        self._counts: Counter[str] = Counter()
        self._states: dict[int, str] = {}
        self._waiting = 0
        self._done = 0
        self._bad = 0
        self._troubles: set[str] = set()
        self._started = time.monotonic()
        self._line_at = self._started
        self._task = self._bar.add_task("", total=expected, what="answering", rate="", states="")

    def note(self, what: str) -> None:
        """Say what is being done."""
        self._bar.update(self._task, what=what)

    def bad_row(self, line: int, reason: str) -> None:
        """Report a row that can't be read: the first few by line, then their number only."""
        self._bad += 1
        if self._bad <= _SHOWN_BAD_ROWS:
            self._console.print(f"line {line}: {escape(reason)}", style="yellow")
        elif self._bad == _SHOWN_BAD_ROWS + 1:
            self._console.print("more bad rows: see the rejects file", style="yellow")

    def troubles(self, troubles: dict[str, str]) -> None:
        """Say what is away, and why, when that begins, and when it is over."""
        for what, reason in troubles.items():
            if what not in self._troubles:
                words = f"waiting: the {what} is away ({reason}); nothing is lost"
                self._console.print(escape(words), style="yellow")
        for what in self._troubles - troubles.keys():
            self._console.print(f"the {what} is back", style="green")
        self._troubles = set(troubles)

    def state(self, index: int, status: str) -> None:
        """Note where a question stands."""
        self._waiting += status == Status.WAITING
        self._waiting -= self._states.get(index) == Status.WAITING
        self._states[index] = status
        self._show()

    def done(self, index: int, status: str) -> None:
        """Note that a question ended."""
        self._waiting -= self._states.pop(index, None) == Status.WAITING
        self._counts[status] += 1
        self._done += 1
        self._bar.update(self._task, completed=self._done, what="answering")
        self._show()

    def _show(self) -> None:
        seconds = max(time.monotonic() - self._started, 1e-9)
        counts: dict[str, int] = {**self._counts, str(Status.WAITING): self._waiting}
        states = " ".join(
            f"[{colour}]{status} {counts[status]}[/{colour}]"
            for status, colour in _COLOURS.items()
            if counts.get(status)
        )
        per_second = self._done / seconds
        rate = f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"
        self._bar.update(self._task, rate=rate, states=states)
        if not self._console.is_terminal and time.monotonic() - self._line_at > _LINE_SECONDS:
            self._line_at = time.monotonic()
            what = self._bar.tasks[0].fields["what"]
            progress = f"{self._done}/{self._expected} {rate} {states}" if self._done else what
            self._console.print(progress)

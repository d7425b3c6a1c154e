"""A check, and what it looks at."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.doctor.machine import Machine
from app.doctor.outcome import Outcome
from app.settings import Settings

#: What a check does.
Run = Callable[["Site"], Awaitable[Outcome]]


@dataclass
class Site:
    """The installation that is looked at. Checks run in threads side by side, each with a loop.

    `call`: model and scorer may be asked for real. `watch_seconds`: how long lag is watched.
    `dsn` and `scorer_name` are found out by the checks `database` and `scorer`, for those that
    need them; `closers` end what was started for looking, in reverse order.
    """

    settings: Settings
    machine: Machine = field(default_factory=Machine)
    call: bool = False
    watch_seconds: float = 3.0
    dsn: str | None = None
    scorer_name: str | None = None
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """End what was started for looking."""
        while self.closers:
            self.closers.pop()()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at, within `seconds`; only when the check that it `needs` is not bad.

    `run` is a function, or `module:function` in this package, imported when the check is to run. It
    may block: it has a thread of its own. What it raises is told as a broken check.
    """

    name: str
    area: str
    about: str
    run: Run | str
    seconds: float = 10.0
    needs: str | None = None

    def function(self) -> Run:
        """Return what is to be run; libraries are loaded here, which is no part of its time."""
        if not isinstance(self.run, str):
            return self.run
        module, _, name = self.run.partition(":")
        found: Run = getattr(importlib.import_module(f"app.doctor.{module}"), name)
        return found

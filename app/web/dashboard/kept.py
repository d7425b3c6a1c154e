"""A reading that many ask for: made by one at a time, kept for a while, never waited for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.errors import UnavailableError

Value = TypeVar("Value")

#: What readings may take of the time, whatever they cost: one that takes 1 s comes every 100 s.
SHARE = 0.01
#: A value so many intervals old is not shown while a new one can be had soon.
STALE_INTERVALS = 3.0
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Known(Generic[Value]):
    """What is known: `value` None: nothing yet. `at` in Unix seconds; `trouble` of the last try."""

    value: Value | None = None
    at: float | None = None
    trouble: str | None = None


class Kept(Generic[Value]):
    """Keeps what `read` returned for `seconds`, or longer when reading takes long.

    Who asks gets what is there at once, and starts a new reading when it is due; only a value that
    is missing, or old, is waited for, and no longer than `PATIENCE_SECONDS`; an old one not at all
    with `old_at_once`. `most_seconds` bounds how old it may get where reading is waiting, not work.
    A database that is away makes the value old, it does not make anybody wait
    or fail.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Value]],
        seconds: float,
        log: Any,
        *,
        old_at_once: bool = False,
        most_seconds: float = float("inf"),
    ) -> None:
        self._old_at_once = old_at_once
        self._read = read
        self._seconds = seconds
        self._most_seconds = most_seconds
        self._log = log
        self._known: Known[Value] = Known()
        self._read_at = float("-inf")
        #: How long the last reading took, in seconds.
        self.took = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def interval(self) -> float:
        """Seconds from one reading to the next."""
        return max(self._seconds, min(self.took / SHARE, self._most_seconds))

    @property
    def age(self) -> float:
        """Seconds since the last reading ended, or failed; infinite before the first."""
        return time.monotonic() - self._read_at

    async def renewed(self) -> None:
        """Make a new reading, or wait for the one that is under way. Never raises."""
        self._begin()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._renew())

    async def get(self) -> Known[Value]:
        """Return what is known; never raises because something is away."""
        age = self.age
        if age >= self.interval:
            self._begin()
        stale = age > STALE_INTERVALS * self.interval and not self._old_at_once
        old = self._known.value is None or stale
        if old and self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=PATIENCE_SECONDS)
        return self._known

    async def close(self) -> None:
        """End a reading that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PATIENCE_SECONDS)

    async def _renew(self) -> None:
        started = time.monotonic()
        try:
            value = await self._read()
        except UnavailableError as error:
            self._known = Known(self._known.value, self._known.at, str(error))
        except Exception as error:  # noqa: BLE001 (nobody awaits this task)
            self._log.error("view_failed", error=repr(error))
            trouble = f"{type(error).__name__}, see the log"
            self._known = Known(self._known.value, self._known.at, trouble)
        else:
            self._known = Known(value, time.time(), None)
            self.took = time.monotonic() - started
        self._read_at = time.monotonic()

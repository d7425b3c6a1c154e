"""What an event loop and its process show of themselves while something is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.core.statistics import quantile

_TICK_SECONDS = 0.005


class Watch:
    """Comes round every 5 ms; notes by how much it was late (seconds).

    `longest`: the longest time the loop was kept by its own work, processor or disk. `starved`: the
    sum of what its thread waited for a processor, which is left out of `longest`.
    """

    def __init__(self) -> None:
        self.longest = self.starved = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        while True:
            began, waited = time.perf_counter(), run_delay_seconds()
            await asyncio.sleep(_TICK_SECONDS)
            late = time.perf_counter() - began - _TICK_SECONDS
            starved = run_delay_seconds() - waited
            self.starved += starved
            self.longest = max(self.longest, late - starved)


def run_delay_seconds() -> float:
    """Return for how long this thread was ready to run and had no processor (Linux); else 0."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def peak_mib() -> float:
    """Return the most memory that this process had resident (MiB)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def percentile(values: Sequence[float], share: float) -> float:
    """Return a quantile of values in any order. Raises ValueError without values."""
    return quantile(sorted(values), share)

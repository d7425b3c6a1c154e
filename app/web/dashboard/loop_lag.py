"""How late the event loop is: every stage, timer and request of a worker waits for it so long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from aiohttp import web

from app.web.dashboard.figures import percentile

#: A sleep of so many seconds is measured, and what it took longer is the lag.
STEP_SECONDS = 0.25
KEPT = 240


class LoopLag:
    """Measures from a server's start to its end; four times a second, which costs nothing."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)
        self._task: asyncio.Task[None] | None = None

    async def start(self, _: web.Application) -> None:
        self._task = asyncio.create_task(self._measure())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def shown(self) -> dict[str, Any]:
        """Return seconds of the last minute: median, 99 of 100, the longest; None without any."""
        late = sorted(self._late)
        return {
            "median_seconds": _rounded(percentile(late, 0.5)),
            "p99_seconds": _rounded(percentile(late, 0.99)),
            "longest_seconds": _rounded(late[-1] if late else None),
        }

    async def _measure(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(STEP_SECONDS)
            self._late.append(max(0.0, time.monotonic() - before - STEP_SECONDS))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)

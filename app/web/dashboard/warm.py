"""Readings that take seconds, made before anybody asks: the first look does not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from app.web.dashboard.kept import Kept

#: What readings that nobody asks for may take of the time: one that takes 1 s comes every 500 s.
IDLE_SHARE = 0.002
#: No reading that nobody asks for comes sooner after the one before.
LEAST_SECONDS = 60.0
#: How often it is looked whether one is due; the first time so long after the start, too.
LOOK_SECONDS = 2.0


class Warm:
    """Renews readings one after the other, while `ready` says that they can be made."""

    def __init__(self, readings: Sequence[Kept[Any]], ready: Callable[[], bool]) -> None:
        self._readings, self._ready = readings, ready
        self._task: asyncio.Task[None] | None = None

    async def start(self, _: web.Application) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for each in self._readings:
                if self._ready() and each.age > max(LEAST_SECONDS, each.took / IDLE_SHARE):
                    await each.renewed()

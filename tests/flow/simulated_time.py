"""An event loop on which hours pass in seconds: whenever all wait, time jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_BLINK_SECONDS = 0.05


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits for a timer: it says how far time has to jump."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0 if timeout is not None else _BLINK_SECONDS)
        if not found and timeout is not None and timeout > 0:
            self.jumped += timeout
        return found


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`time()` moves only by jumps. Nothing real (sockets, threads) should be waited for on it."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped


class SimulatedClock:
    """A `Clock` on the loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: float = 1.8e9) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> float:
        return self._start + self._loop.time()


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)

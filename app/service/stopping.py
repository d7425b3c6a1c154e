"""How a process ends: in good order within a time, or at once.

Faust waits without limit for what is in progress, and Kafka's client for a broker that is away.
What was not acknowledged comes again, so leaving it behind loses nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from app import logs
from app.errors import UnavailableError

#: What a stop takes, beyond the time that calls in flight get, when its parts can be reached.
BESIDE_CALLS_SECONDS = 12.0
#: How much later the process ends, whatever still hangs.
LAST_RESORT_SECONDS = 8.0
#: Nobody may be reading what is written last.
LAST_WORDS_SECONDS = 1.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)


def end_process(code: int) -> None:
    """End the process now, whatever hangs; its log lines are written before, if they can be."""
    writing = threading.Thread(target=_write_out, name="last-words", daemon=True)
    writing.start()
    writing.join(LAST_WORDS_SECONDS)
    os._exit(code)


def _write_out() -> None:
    logs.flush()
    sys.stdout.flush()
    sys.stderr.flush()


def end_process_after(seconds: float, code: int) -> threading.Timer:
    """End the process after a time, unless it has ended by then, or the timer is cancelled."""
    timer = threading.Timer(seconds, end_process, (code,))
    timer.daemon = True
    timer.start()
    return timer


async def stopped_in_time(stop: Awaitable[Any], log: Any, grace_seconds: float) -> bool:
    """Await a stop that gives calls `grace_seconds`, not for ever; tell whether it was through."""
    stopping = asyncio.ensure_future(stop)
    seconds = grace_seconds + BESIDE_CALLS_SECONDS
    # A thread's join may block the loop, where no time-out of the loop's own ends it.
    resort = end_process_after(seconds + LAST_RESORT_SECONDS, UnavailableError.exit_code)
    try:
        await asyncio.wait({stopping}, timeout=seconds)
    finally:
        resort.cancel()
    if stopping.done():
        return _was_through(stopping, log)
    log.error(
        "stop_given_up",
        seconds=seconds,
        exit_code=UnavailableError.exit_code,
        reason="the broker does not answer; what was in progress is done again by the next worker",
    )
    return False


def _was_through(stopped: asyncio.Future[Any], log: Any) -> bool:
    """Tell whether a stop came to its end; one that raised has left parts of the app running."""
    cancelled = stopped.cancelled()  # by what it waited for: nobody cancels a stop
    error = asyncio.CancelledError() if cancelled else stopped.exception()
    if error is None:
        return True
    log.error(
        "stop_failed",
        exit_code=UnavailableError.exit_code,
        reason=repr(error),
        traceback="".join(traceback.format_exception(error)),
    )
    return False


class Signals:
    """SIGTERM and SIGINT of a command: the first one asks it to stop, the second ends it at once.

    What hangs after the first one is left behind when a stop that gives calls `grace_seconds` must
    long be over. Until `install` a signal ends the process at once, without any word: a model's
    load holds the interpreter for seconds, and nothing is in progress yet.
    """

    def __init__(self, ask: Callable[[], object], grace_seconds: float) -> None:
        self._ask = ask
        self._patience = grace_seconds + BESIDE_CALLS_SECONDS + LAST_RESORT_SECONDS
        self._loop = asyncio.get_running_loop()
        self._came = False
        self._timer: threading.Timer | None = None
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)

    def install(self) -> None:
        """Handle the signals from now on. In the main thread only.

        Not by the loop's own handlers: those wait while the loop is busy.
        """
        for number in _STOPPING:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._came:
            end_process(128 + number)
        self._came = True
        self._timer = end_process_after(self._patience, UnavailableError.exit_code)
        self._loop.call_soon_threadsafe(self._ask)

    def done(self) -> None:
        """The stop is through: nothing has to be left behind any more."""
        if self._timer is not None:
            self._timer.cancel()

"""Ctrl-C and SIGTERM as an event: a command stops in order, and prints what it did."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that the first signal sets; a second one ends the process as ever.

    Signals reach the main thread only: in another one the event stays as it is.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heard() -> None:
        stop.set()
        forget()

    def forget() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        forget()

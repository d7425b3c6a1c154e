"""Work in a thread of its own that nobody has to wait for: a model's load can't be ended.

The threads of `concurrent.futures` are joined when the interpreter ends; these are not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

Value = TypeVar("Value")

#: How the names of such threads begin.
PREFIX = "answerloop-model"


class OneThread:
    """Runs pieces of work one after the other, in one thread, which begins with the first one."""

    def __init__(self, name: str) -> None:
        self._name = f"{PREFIX}-{name}"
        self._queue: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, work: Callable[[], Value]) -> Value:
        """Return what `work` returns, or raise what it raises. RuntimeError after `close`."""
        if self._closed:
            raise RuntimeError("it was closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[Value] = Future()
        self._queue.put((work, future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the thread end after what it does now; what waits is cancelled."""
        self._closed = True
        self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            if self._closed:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits
                future.set_exception(error)


def is_working() -> bool:
    """Tell whether a thread of this kind is there still."""
    return any(thread.name.startswith(PREFIX) for thread in threading.enumerate())

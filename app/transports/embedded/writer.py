"""The one thread that writes the durable log: many requests, one transaction, one fsync.

A disk that is full, or fails, fails the requests of the moment, whose callers try again. Patient
requests have no caller that could: Faust's buffered table writes, and commits of offsets. They are
held, in order and ahead of what comes later, and tried until the disk takes them or the log closes.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import Future as ThreadFuture
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

from app.transports.embedded.errors import LogClosed, LogError

MAX_REQUESTS = 20_000
"""Requests in one transaction."""
HELD_SECONDS = 0.5
"""How often held requests are tried when nothing else is to be written."""


class Request(Protocol):
    """Something to write; `future` belongs to the event loop that asked."""

    future: asyncio.Future[Any]
    patient: bool

    def settle(self, error: BaseException | None) -> None:
        """Resolve `future`, on its own loop."""


class _End(Enum):
    """Nothing comes any more."""

    END = "end"


Batch = tuple[asyncio.AbstractEventLoop, list[Request]]
Call = tuple[Callable[[sqlite3.Connection], Any], "ThreadFuture[Any]"]


class Writer:
    """Takes batches of requests, one batch for each tick of an event loop.

    While one transaction is being synced to disk the next batches gather: that is all the group
    commit there is, with no delay when the log is idle.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        write: Callable[[sqlite3.Connection, list[Any]], None],
        written: Callable[[list[Any]], None],
    ) -> None:
        self._database = database
        self._write = write
        self._written = written
        self._queue: SimpleQueue[Batch | Call | _End] = SimpleQueue()
        self._gathering: dict[asyncio.AbstractEventLoop, list[Any]] = {}
        self._held: list[Batch] = []
        self._closed = False
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, request: Any) -> None:
        """Hand over a request together with all others of this tick of the running loop."""
        if self._closed:
            raise LogClosed("the log was closed")
        loop = asyncio.get_running_loop()
        batch = self._gathering.get(loop)
        if batch is None:
            batch = self._gathering[loop] = []
            loop.call_soon(self._hand_over, loop)
        batch.append(request)

    def call(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run `work` in a transaction of its own and wait for it (from any thread)."""
        if self._closed:
            raise LogClosed("the log was closed")
        done: ThreadFuture[Any] = ThreadFuture()
        self._queue.put((work, done))
        return done.result()

    def close(self) -> None:
        """Write what was handed over, then end the thread."""
        self._closed = True
        for loop in list(self._gathering):
            self._hand_over(loop)
        self._queue.put(_End.END)
        self._thread.join()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if batch := self._gathering.pop(loop, None):
            self._queue.put((loop, batch))

    # -- in the thread

    def _run(self) -> None:
        while True:
            item = self._next()
            batches = self._held
            requests = 0
            while isinstance(item, tuple) and not callable(item[0]):
                batches.append(item)
                requests += len(item[1])
                if requests >= MAX_REQUESTS:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            if batches:
                self._commit(batches)
            if item is _End.END:
                self._give_up(self._held)
                return
            if isinstance(item, tuple) and callable(item[0]):
                self._do_call(*item)

    def _next(self) -> Batch | Call | _End | None:
        """Return what was handed over next; None when held requests are due before that."""
        try:
            return self._queue.get(timeout=HELD_SECONDS if self._held else None)
        except Empty:
            return None

    def _commit(self, batches: list[Batch]) -> None:
        requests = [request for _loop, batch in batches for request in batch]
        error = self._transact(lambda database: self._write(database, requests))
        self._held = []
        if error is None:
            self._written(requests)
        elif isinstance(error, LogError):
            self._held = _part(batches, patient=True)
            batches = _part(batches, patient=False)
        for loop, batch in batches:
            _on_loop(loop, _settle, batch, error)

    def _give_up(self, batches: list[Batch]) -> None:
        for loop, batch in batches:
            _on_loop(loop, _settle, batch, LogClosed("the log was closed before it could write"))

    def _do_call(self, work: Callable[[sqlite3.Connection], Any], done: ThreadFuture[Any]) -> None:
        results: list[Any] = []
        error = self._transact(lambda database: results.append(work(database)))
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(results[0])

    def _transact(self, work: Callable[[sqlite3.Connection], None]) -> BaseException | None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                work(self._database)
            except BaseException:
                if self._database.in_transaction:  # a failed disk has ended it already
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as exc:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            error = LogError(f"the log could not be written: {exc}")
            error.__cause__ = exc
            return error
        except Exception as exc:  # noqa: BLE001 - given to whoever asked
            return exc
        return None


def _part(batches: Iterable[Batch], *, patient: bool) -> list[Batch]:
    """Return the patient requests, or the others, in order."""
    parts = [(loop, [each for each in batch if each.patient is patient]) for loop, batch in batches]
    return [(loop, part) for loop, part in parts if part]


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return  # that loop is closed: nobody waits there any more


def _settle(batch: Iterable[Request], error: BaseException | None) -> None:
    for request in batch:
        if not request.future.done():
            request.settle(error)

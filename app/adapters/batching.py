"""Natural batching: calls that wait at the same time become one call.

While a batch runs, the next one fills. An idle batcher runs a single item at once, a busy one
runs few large batches: latency when there is little to do, throughput when there is much.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Company came lately when the last batch ended so many times the linger ago, at most.
_LATELY = 2


@dataclass(slots=True)
class _Waiter(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """Runs `run_batch(items)` for concurrent `submit(item)` calls, in order.

    One batch runs at a time; with `at_once`, so many: batches then end in any order.

    `run_batch` returns one result for each item, in order; a result that is an Exception is raised
    to the waiter of that item. When `run_batch` itself raises, all its waiters get that error.
    At most `max_size` items make a batch. With `linger_seconds` a batch that is not full waits so
    long for company, where there was some lately: a batch ended less than twice as long ago.

    A cancelled waiter leaves the others alone: its item is dropped when its batch has not started,
    and otherwise runs; then `abandoned(item, result)` is called, so that an effect nobody knows of
    can be undone.
    """

    def __init__(
        self,
        run_batch: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_size: int = 100,
        at_once: int = 1,
        linger_seconds: float = 0.0,
        abandoned: Callable[[Item, Result], None] | None = None,
    ) -> None:
        if max_size < 1:
            raise ValueError(f"max_size is {max_size}: a batch holds at least one item")
        if at_once < 1:
            raise ValueError(f"at_once is {at_once}: at least one batch runs")
        self._run_batch = run_batch
        self._max_size = max_size
        self._linger_seconds = linger_seconds
        self._abandoned = abandoned
        self._at_once = at_once
        self._waiting: deque[_Waiter[Item, Result]] = deque()
        self._running: dict[asyncio.Task[None], list[_Waiter[Item, Result]]] = {}
        self._full = asyncio.Event()
        self._closed = False
        self._gone = 0
        self._ended_at = -math.inf

    async def submit(self, item: Item) -> Result:
        """Return the item's result. Raises what the batch raised, RuntimeError after `close`."""
        return await self.put(item)

    def put(self, item: Item) -> asyncio.Future[Result]:
        """Return the future of the item's result; cancelling it drops the item."""
        if self._closed:
            raise RuntimeError("the batcher is closed")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._note_gone)
        self._waiting.append(_Waiter(item, future))
        if len(self._waiting) >= self._max_size:
            self._full.set()
        if len(self._running) < self._at_once:
            runner = asyncio.create_task(self._run())
            self._running[runner] = []
        return future

    async def close(self) -> None:
        """Refuse new items, and return when those that wait have been run."""
        self._closed = True
        self._full.set()
        if self._running:
            await asyncio.wait(self._running)

    def give_up(self, error: Exception) -> None:
        """Refuse new items, and raise `error` to everyone who waits; running batches go on."""
        self._closed = True
        self._full.set()
        for waiter in [*self._waiting, *(each for b in self._running.values() for each in b)]:
            if not waiter.future.done():
                waiter.future.set_exception(error)
        self._waiting.clear()

    async def _run(self) -> None:
        this = asyncio.current_task()
        assert this is not None  # noqa: S101 (a coroutine of a task)
        try:
            while self._waiting:
                await self._linger()
                batch = self._take()
                if batch:
                    self._running[this] = batch
                    await self._run_one(batch)
        finally:
            del self._running[this]
            if not self._running:
                for waiter in self._waiting:  # only when the last runner itself was cancelled
                    waiter.future.cancel()
                self._waiting.clear()

    async def _linger(self) -> None:
        if self._linger_seconds <= 0 or self._closed or len(self._waiting) >= self._max_size:
            return
        idle = asyncio.get_running_loop().time() - self._ended_at
        if idle > _LATELY * self._linger_seconds:
            return
        self._full.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._full.wait(), self._linger_seconds)

    def _note_gone(self, future: asyncio.Future[Result]) -> None:
        """Keep no more items of cancelled waiters than of others: they may come and go quickly."""
        if not future.cancelled():
            return
        self._gone += 1
        if self._gone > max(self._max_size, len(self._waiting) // 2):
            self._waiting = deque(each for each in self._waiting if not each.future.done())
            self._gone = 0

    def _take(self) -> list[_Waiter[Item, Result]]:
        batch: list[_Waiter[Item, Result]] = []
        while self._waiting and len(batch) < self._max_size:
            waiter = self._waiting.popleft()
            if not waiter.future.done():
                batch.append(waiter)
        return batch

    async def _run_one(self, batch: list[_Waiter[Item, Result]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._run_batch([waiter.item for waiter in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for {len(batch)} items")
        except Exception as error:  # noqa: BLE001 - it is raised again, to every waiter
            results = [error] * len(batch)
        except BaseException:
            for waiter in batch:
                waiter.future.cancel()
            raise
        self._ended_at = asyncio.get_running_loop().time()
        for waiter, result in zip(batch, results, strict=True):
            self._settle(waiter, result)

    def _settle(self, waiter: _Waiter[Item, Result], result: Result | Exception) -> None:
        if isinstance(result, Exception):
            if not waiter.future.done():
                waiter.future.set_exception(result)
        elif not waiter.future.done():
            waiter.future.set_result(result)
        elif self._abandoned is not None:
            self._abandoned(waiter.item, result)

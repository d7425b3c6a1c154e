"""The open loop: requests go out when they are due, whatever became of those before them.

A client that waits for an answer before it sends the next request sends less while the server
stands still, and measures that pause once: coordinated omission. Here the schedule alone decides
when a request goes, latency counts from when it was due, and what can't go out because too many are
in flight is counted as not sent, and as longer than any latency.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from app.load.outcome import Kind, Outcome
from app.load.questions import Request
from app.load.results import Results

#: How long requests in flight may go on after an interrupt.
GRACE_SECONDS = 2.0
#: How soon a stop is noticed.
_STOP_SECONDS = 0.2
#: So many due requests are sent before answers get their turn.
_AT_ONCE = 32


class Traffic(Protocol):
    """What is sent: `make(n, due)` returns request n."""

    @property
    def path(self) -> str: ...

    def make(self, n: int, due: float) -> Request: ...


class Target(Protocol):
    """Where it is sent to."""

    async def send(self, n: int, request: Request) -> Outcome:
        """Send request n; nothing is raised for a server that fails, nor is anything tried again.

        It ends within a time-out of its own.
        """
        ...


class Taken(NamedTuple):
    """A request that was accepted; times are seconds since the start."""

    outcome: Outcome
    repeat: bool
    """Whether it asked an earlier question of the run again."""
    due: float
    began: float
    replied: float


class Generator:
    """Sends the traffic of a run.

    `clock` tells seconds; an event loop's own is too coarse for it (uvloop's has milliseconds, and
    stands still while callbacks run).
    """

    def __init__(
        self,
        traffic: Traffic,
        target: Target,
        results: Results,
        *,
        most_in_flight: int,
        accepted: Callable[[Taken], None] = lambda _: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._traffic, self._target = traffic, target
        self._results = results
        self._most_in_flight = most_in_flight
        self._accepted = accepted
        self._flight: set[asyncio.Task[None]] = set()
        self._defect: BaseException | None = None
        self._clock = clock
        self._start = clock()

    def now(self) -> float:
        """Return the seconds since the start."""
        return self._clock() - self._start

    async def run(self, times: Iterator[float], stop: asyncio.Event) -> None:
        """Send a request at each of the times, and see all in.

        After `stop` no more go out, and those in flight have GRACE_SECONDS left.
        """
        try:
            await self._send_all(times, stop)
            await self._land(stop)
        finally:
            for task in self._flight:
                task.cancel()

    async def _send_all(self, times: Iterator[float], stop: asyncio.Event) -> None:
        at_once = 0
        for n, due in enumerate(times):
            while (wait := due - self.now()) > 0 and not stop.is_set():
                at_once = 0
                await asyncio.sleep(min(wait, _STOP_SECONDS))
            at_once += 1
            if at_once % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if self._defect is not None:
                raise self._defect
            if stop.is_set():
                return
            if len(self._flight) >= self._most_in_flight:
                self._results.left_out(due)
                continue
            task = asyncio.create_task(self._one(n, due))
            self._flight.add(task)
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flight.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._defect = defect

    async def _one(self, n: int, due: float) -> None:
        request = self._traffic.make(n, due)
        began = self.now()
        self._results.begins(due, began)
        try:
            outcome = await self._target.send(n, request)
        except asyncio.CancelledError:
            self._results.cut_off()
            raise
        replied = self.now()
        self._results.ends(due, replied, outcome)
        if outcome.kind is Kind.ACCEPTED:
            self._accepted(Taken(outcome, request.number != n, due, began, replied))

    async def _land(self, stop: asyncio.Event) -> None:
        if self._flight:
            landing = asyncio.ensure_future(asyncio.wait(set(self._flight)))
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait({landing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            landing.cancel()
        if self._flight:
            await asyncio.wait(set(self._flight), timeout=GRACE_SECONDS)
        late = set(self._flight)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if self._defect is not None:
            raise self._defect

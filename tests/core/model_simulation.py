"""A model server and its client in simulated time: what a limit does to goodput."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.core.limiter import Limiter


@dataclass(eq=False)
class Call:
    """One call at the server."""

    started_at: float
    tokens: int | None
    over: bool = False
    served: bool = False


@dataclass
class Server:
    """Works on `capacity` calls at once, each `seconds` long; the rest is queued, or shed as 503.

    `seconds` may depend on the number of the call; `tokens` too.
    """

    capacity: int = 4
    seconds: Callable[[int], float] = lambda _: 1.0
    tokens: Callable[[int], int | None] = lambda _: None
    sheds: bool = False


@dataclass
class Simulation:
    """A client with endless work that keeps to a limiter."""

    limiter: Limiter
    server: Server
    timeout_seconds: float = 120.0
    now: float = 0.0
    in_flight: int = 0
    answered: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._queue: deque[Call] = deque()
        self._busy = 0
        self._calls = 0

    def run(self, seconds: float) -> Simulation:
        end = self.now + seconds
        self._start_calls()
        while self._events and self._events[0][0] <= end:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
            self._start_calls()
            self.limits.append((self.now, self.limiter.in_force))
            assert 1 <= self.limiter.in_force <= self.limiter.ceiling
        self.now = end
        return self

    def goodput(self, since: float) -> float:
        """Answers a second from `since` to now."""
        return sum(at >= since for at in self.answered) / (self.now - since)

    def lowest_limit(self, since: float) -> int:
        return min(limit for at, limit in self.limits if at >= since)

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _start_calls(self) -> None:
        if (pause := self.limiter.pause_left(self.now)) > 0:
            self._at(self.now + pause, lambda: None)
            return
        while self.in_flight < self.limiter.in_force:
            self.in_flight += 1
            call = Call(self.now, self.server.tokens(self._calls))
            self._at(self.now + self.timeout_seconds, lambda call=call: self._time_out(call))
            if self._busy < self.server.capacity:
                self._serve(call)
            elif self.server.sheds:
                self._at(self.now + 0.01, lambda call=call: self._fail(call))
            else:
                self._queue.append(call)

    def _serve(self, call: Call) -> None:
        self._busy += 1
        call.served = True
        seconds = self.server.seconds(self._calls)
        self._calls += 1
        self._at(self.now + seconds, lambda: self._answer(call))

    def _answer(self, call: Call) -> None:
        if call.over:
            return
        call.over = True
        self._free()
        self.answered.append(self.now)
        self.limiter.on_success(self.now, call.started_at, self.in_flight, call.tokens)
        self.in_flight -= 1

    def _time_out(self, call: Call) -> None:
        if call.over:
            return
        if call.served:
            self._free()
        else:
            self._queue.remove(call)
        self._fail(call)

    def _fail(self, call: Call) -> None:
        call.over = True
        self.failed.append(self.now)
        self.limiter.on_overload(self.now, call.started_at, self.in_flight)
        self.in_flight -= 1

    def _free(self) -> None:
        self._busy -= 1
        while self._queue and self._busy < self.server.capacity:
            self._serve(self._queue.popleft())

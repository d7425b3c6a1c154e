"""The turnstile before the model: who may call now, in the order of arrival.

It puts the pure decisions of limiter and breaker to work on one event loop. Whoever waits here
holds nothing: no claim, no connection, and his event is not acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from app.core.breaker import Breaker, BreakerPolicy, BreakerState, Probe, Wait
from app.core.limiter import Limiter
from app.core.pressure import Pressure
from app.metrics import Metrics


@dataclass(eq=False, slots=True)
class Pass:
    """Leave to make one call. It has to be given back: by `ended`, or by `unused`.

    `probe`: the breaker is half-open, and this call decides whether it closes.
    """

    probe: bool
    started_at: float
    given_back: bool = False


class Turnstile:
    """Lets calls through, first come first served. `clock` gives seconds that never go back."""

    def __init__(
        self,
        limiter: Limiter,
        policy: BreakerPolicy,
        metrics: Metrics,
        random: Random,
        log: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limiter = limiter
        self.breaker = Breaker(policy)
        self.in_flight = 0
        self._metrics = metrics
        self._random = random
        self._log = log
        self.clock = clock
        self._waiting: deque[asyncio.Future[Pass]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(not each.done() for each in self._waiting)

    @property
    def state(self) -> BreakerState:
        return self.breaker.state(self.clock())

    def describe(self) -> str:
        """Return the state for people."""
        words = f"limit {self.limiter.in_force} of {self.limiter.ceiling}, breaker " + (
            self.state.name.lower().replace("_", "-")
        )
        pause = self.limiter.pause_left(self.clock())
        return f"{words}, paused for {pause:.0f} s (rate limited)" if pause else words

    def line_up(self) -> asyncio.Future[Pass]:
        """Return a future that gets leave to call when its turn has come.

        Who stops waiting for it has to `step_out`: its turn may come at that very moment.
        """
        turn: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._let_through()
        return turn

    def step_out(self, turn: asyncio.Future[Pass]) -> None:
        """Leave the line, and give back what came at the last moment."""
        turn.cancel()
        if not turn.cancelled():
            self.unused(turn.result())
        self._let_through()

    def ended(
        self,
        leave: Pass,
        pressure: Pressure,
        *,
        tokens: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Give a pass back after its call."""
        now = self.clock()
        self._tell_limiter(leave, pressure, now, tokens, retry_after_seconds)
        self._give_back(leave)
        self._tell_breaker(leave, pressure, now)
        self._let_through()

    def unused(self, leave: Pass) -> None:
        """Give a pass back whose call was not made, or did not end. Void when it was given back."""
        if leave.given_back:
            return
        self._give_back(leave)
        if leave.probe:
            self.breaker.on_probe_abandoned()
        self._let_through()

    def _give_back(self, leave: Pass) -> None:
        leave.given_back = True
        self.in_flight -= 1

    def _tell_limiter(
        self, leave: Pass, pressure: Pressure, now: float, tokens: int | None, asked: float | None
    ) -> None:
        limiter, began = self.limiter, leave.started_at
        match pressure:
            case Pressure.FINE:
                limiter.on_success(now, began, self.in_flight, tokens)
            case Pressure.RATE_LIMITED:
                if limiter.on_rate_limit(now, began, self.in_flight, asked):
                    self._metrics.count("rate_limit_pauses")
                    pause = round(limiter.pause_left(now), 1)
                    self._log.warning("rate_limited", pause_seconds=pause, server_asked_for=asked)
            case Pressure.OVERLOADED | Pressure.TIMED_OUT:
                limiter.on_overload(now, began, self.in_flight)
        if pressure is Pressure.TIMED_OUT:
            self._metrics.count("model_timeouts")

    def _tell_breaker(self, leave: Pass, pressure: Pressure, now: float) -> None:
        draw = self._random.random()
        if leave.probe:
            if self.breaker.on_probe(now, pressure, draw):
                self.limiter.on_recovery(now)
                self._log.warning("breaker_closed", reason="a probe was answered")
        elif self.breaker.on_call(now, leave.started_at, pressure, draw):
            self._metrics.count("breaker_opened")
            policy = self.breaker.policy
            self._log.error(
                "breaker_open",
                reason=f"{policy.failure_rate:.0%} of the last model calls failed: they wait now",
                next_probe_seconds=policy.probe_seconds,
            )

    def _let_through(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._waiting:
            if self._waiting[0].done():  # cancelled while it waited
                self._waiting.popleft()
                continue
            if not self._may_start():
                return

    def _may_start(self) -> bool:
        """Let the first in line through, if it may go now."""
        now = self.clock()
        if pause := self.limiter.pause_left(now):
            return self._look_again_in(pause)
        closed = self.breaker.state(now) is BreakerState.CLOSED
        # Calls that hang since before the outage must not keep the probe from being made.
        room = self.limiter.in_force if closed else self.limiter.ceiling
        if self.in_flight >= room:
            return False  # the next call that ends looks again
        decision = self.breaker.ask(now)
        if isinstance(decision, Wait):
            return False if decision.seconds is None else self._look_again_in(decision.seconds)
        leave = Pass(probe=isinstance(decision, Probe), started_at=now)
        if leave.probe:
            self._metrics.count("breaker_probes")
        self.in_flight += 1
        self._waiting.popleft().set_result(leave)
        return True

    def _look_again_in(self, seconds: float) -> bool:
        # A timer may fire a moment early: the second look then waits for what is left.
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._let_through)
        return False

"""When the model server is left alone: a circuit breaker with probes.

Times are seconds on one clock that never goes back; they and random draws come in as arguments.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from app.core.pressure import Pressure

#: Pauses between probes double up to so many times the first.
LONGEST_PAUSE = 6.0
#: Spread of the pauses, upwards only: workers should not probe together.
PROBE_JITTER = 0.2
#: Soon after an outage so few calls are enough to tell that it is not over.
FEWEST_CALLS_AFTER_OUTAGE = 3


class BreakerState(IntEnum):
    """The number is what the gauge `breaker_state` shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """The breaker opens when, of at least `min_calls` that ended within `window_seconds`, the share
    `failure_rate` or more failed. Then one call every `probe_seconds` and more is a probe.
    """

    window_seconds: float = 30.0
    min_calls: int = 10
    failure_rate: float = 0.5
    probe_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Go:
    """A call may start."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A call may start; whether the breaker closes depends on it alone."""


@dataclass(frozen=True, slots=True)
class Wait:
    """No call may start for `seconds`; None: until the probe under way has ended."""

    seconds: float | None


class Breaker:
    """Closed, open, or half-open while a probe is due or under way."""

    def __init__(self, policy: BreakerPolicy = BreakerPolicy()) -> None:
        self.policy = policy
        self._open = False
        self._probing = False
        self._probe_at = 0.0
        self._pause_seconds = policy.probe_seconds
        self._since = -math.inf
        self._ends: deque[tuple[float, bool]] = deque()
        self._after_outage = 0

    def state(self, now: float) -> BreakerState:
        if not self._open:
            return BreakerState.CLOSED
        if self._probing or now >= self._probe_at:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def ask(self, now: float) -> Go | Probe | Wait:
        """Return whether a call may start, as what. A Probe has to be answered for by `on_probe`
        or `on_probe_abandoned` before there is another.
        """
        if not self._open:
            return Go()
        if self._probing:
            return Wait(None)
        if now < self._probe_at:
            return Wait(self._probe_at - now)
        self._probing = True
        return Probe()

    def on_call(self, now: float, started_at: float, pressure: Pressure, draw: float) -> bool:
        """Take note of an ordinary call's end; tell whether it opened the breaker.

        A call counts for `window_seconds`, or for twice its own length when that is longer: of
        calls that hang, few end within a window. What began before the last opening or closing says
        nothing new, and a rate limit says nothing about health. `draw` is from [0, 1).
        """
        if self._open or started_at < self._since or pressure is Pressure.RATE_LIMITED:
            return False
        failed = pressure is not Pressure.FINE
        counts_until = now + max(self.policy.window_seconds, 2 * (now - started_at))
        self._ends.append((counts_until, failed))
        self._after_outage = max(0, self._after_outage - 1)
        if not failed or not self._too_many_failed(now):
            return False
        self._pause_seconds = self.policy.probe_seconds
        self._open = True
        self._since = now
        self._ends.clear()
        self._wait_for_probe(now, draw)
        return True

    def on_probe(self, now: float, pressure: Pressure, draw: float) -> bool:
        """Take note of a probe's end; tell whether it closed the breaker.

        A rate limit is the word of a server that works. After a failure the pause doubles.
        """
        self._probing = False
        if pressure in {Pressure.FINE, Pressure.RATE_LIMITED}:
            self._open = False
            self._since = now
            self._after_outage = self.policy.min_calls
            return True
        longest = LONGEST_PAUSE * self.policy.probe_seconds
        self._pause_seconds = min(2 * self._pause_seconds, longest)
        self._wait_for_probe(now, draw)
        return False

    def on_probe_abandoned(self) -> None:
        """The probe was not made, or its end will never be known: another may be made at once."""
        self._probing = False

    def _wait_for_probe(self, now: float, draw: float) -> None:
        self._probe_at = now + self._pause_seconds * (1 + PROBE_JITTER * draw)

    def _too_many_failed(self, now: float) -> bool:
        # Lengths differ, so what ended first need not be what stops counting first.
        self._ends = deque(end for end in self._ends if end[0] > now)
        needed = self.policy.min_calls
        if self._after_outage:
            needed = min(needed, FEWEST_CALLS_AFTER_OUTAGE)
        failures = sum(failed for _, failed in self._ends)
        return len(self._ends) >= needed and failures >= self.policy.failure_rate * len(self._ends)

"""How many model calls may be in flight: less when the server is overloaded, more when it is not.

Times are seconds on one clock that never goes back, and come in as arguments. Two signs lower the
limit, and successes while it is in use raise it. docs/failures.md describes the rules for people,
docs/decisions.md says why they are these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from app.core.retry import RETRY_AFTER_MAX_SECONDS, RETRY_AFTER_MIN_SECONDS

#: More than this at once is approached from below, by doubling.
START_AT_MOST = 32
#: What is left of the limit after an overload.
KEPT_AFTER_OVERLOAD = 0.7
#: A limit that was too high is not tried again for so long, or for so many lengths of a call that
#: failed under it: what a time-out of two minutes taught is not forgotten after half a minute.
MEMORY_SECONDS, MEMORY_LENGTHS, LONGEST_MEMORY_SECONDS = 30.0, 5.0, 600.0
#: Calls that take so many times their usual length are a sign of overload ...
INFLATED = 2.0
#: ... and at less than this the limit does not rise.
CROWDED = 1.5
#: A length under this is taken as this: what varies there is our own processor, not the server.
SHORTEST_SECONDS = 0.05
#: Long calls lower the limit to this at least: two calls can't make a queue of more than twice.
FEWEST_BY_LENGTH = 2
#: A lower limit has helped when calls take at most this share of what they took before it.
HELPED = 0.75
#: How far the usual length moves towards that of each window: upwards, downwards, and while calls
#: are longer than FOLLOWED times the usual. Were that 0, a server that has become twice as slow
#: would get half the calls for ever.
DRIFT_UP, DRIFT_DOWN, DRIFT_CROWDED = 0.05, 0.1, 0.02
FOLLOWED = 1.25
#: A success that took more of the time-out than this is no reason to raise the limit.
NEAR_TIMEOUT = 0.75
FEWEST_SAMPLES, MOST_SAMPLES = 5, 20
#: Pauses after a 429 that names no time: 1, 2, 4 ... s.
OWN_PAUSE_SECONDS, LONGEST_OWN_PAUSE_SECONDS = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Length:
    """The usual length of calls: seconds, and seconds for each token where tokens are known."""

    seconds: float
    per_token: float | None

    def inflation_over(self, usual: Length) -> float:
        """Return how many times longer than usual.

        Long answers take long, and short ones have a high price for each token: calls are inflated
        only as far as both figures are.
        """
        by_call = self.seconds / usual.seconds
        if self.per_token is None or usual.per_token is None:
            return by_call
        return min(by_call, self.per_token / usual.per_token)

    def moved_towards(self, other: Length, share: float) -> Length:
        if self.per_token is None or other.per_token is None:
            per_token = other.per_token
        else:
            per_token = self.per_token + share * (other.per_token - self.per_token)
        return Length(self.seconds + share * (other.seconds - self.seconds), per_token)


class Limiter:
    """The limit on calls in flight, from 1 to `ceiling`, and the pause that a 429 asks for.

    `own_pause_seconds` is the first pause after a 429 that names no time; 0: there is none.
    """

    def __init__(
        self,
        ceiling: int,
        timeout_seconds: float = math.inf,
        own_pause_seconds: float = OWN_PAUSE_SECONDS,
    ) -> None:
        self.ceiling = ceiling
        self._own_pause_seconds = own_pause_seconds
        self._timeout_seconds = timeout_seconds
        self._limit = float(min(ceiling, START_AT_MOST))
        self._doubling = True
        self._cut_at = -math.inf
        self._too_many: int | None = None
        self._remembered_until = -math.inf
        self._usual: Length | None = None
        self._samples: list[tuple[float, int | None]] = []
        self._crowded = False
        self._length_before_cut: Length | None = None
        self._paused_until = -math.inf
        self._paused_at = -math.inf
        self._own_pauses = 0

    @property
    def in_force(self) -> int:
        """The limit: a whole number from 1 to `ceiling`."""
        return int(self._limit)

    def pause_left(self, now: float) -> float:
        """Return for how many seconds no call may start because of a 429; 0 is none."""
        return max(0.0, self._paused_until - now)

    def on_success(
        self, now: float, started_at: float, in_flight: int, tokens: int | None = None
    ) -> None:
        """Take note of a call that ended well. `in_flight` counts it, too."""
        if started_at >= self._paused_at:
            self._own_pauses = 0
        if started_at < self._cut_at:
            return  # it ran under the load of before
        seconds = now - started_at
        self._sample(now, seconds, tokens)
        if in_flight >= self.in_force and not self._crowded:
            self._rise(now, seconds)

    def on_overload(self, now: float, started_at: float, in_flight: int) -> None:
        """Take note of a call that the server could not serve, or not in time.

        Calls that were in flight together are one sign, not many.
        """
        if started_at < self._cut_at:
            return
        if in_flight >= self.in_force:
            known = in_flight if self._too_many is None else min(self._too_many, in_flight)
            self._too_many = max(2, known)
        memory = max(MEMORY_SECONDS, MEMORY_LENGTHS * (now - started_at))
        self._remembered_until = now + min(memory, LONGEST_MEMORY_SECONDS)
        self._cut(now, KEPT_AFTER_OVERLOAD)
        self._length_before_cut = None
        self._crowded = False

    def on_rate_limit(
        self, now: float, started_at: float, in_flight: int, retry_after_seconds: float | None
    ) -> bool:
        """Take note of a 429: no call starts for as long as it says, and fewer run at once then.

        Tell whether that is longer than what was known before.
        """
        self.on_overload(now, started_at, in_flight)
        known = self.pause_left(now)
        if retry_after_seconds is not None:
            bounded = max(RETRY_AFTER_MIN_SECONDS, retry_after_seconds)
            self._pause(now, min(bounded, RETRY_AFTER_MAX_SECONDS))
        elif started_at >= self._paused_at:
            own = self._own_pause_seconds * 2.0**self._own_pauses
            self._pause(now, min(LONGEST_OWN_PAUSE_SECONDS, own))
            self._own_pauses = min(self._own_pauses + 1, 16)
        return self.pause_left(now) > known

    def on_recovery(self, now: float) -> None:
        """Begin anew after an outage: with one call, doubling."""
        self._cut(now, 0.0)
        self._doubling = True
        self._crowded = False
        self._too_many = None
        self._length_before_cut = None

    def _pause(self, now: float, seconds: float) -> None:
        self._paused_at = now
        self._paused_until = max(self._paused_until, now + seconds)

    def _cut(self, now: float, kept: float) -> None:
        """Lower the limit. Calls in flight began under the old one: their ends count no more."""
        self._limit = max(1.0, self._limit * kept)
        self._cut_at = now
        self._doubling = False
        self._samples.clear()

    def _rise(self, now: float, seconds: float) -> None:
        """Raise the limit by one a success, or by one for as many successes as it allows at once.

        Twice the load makes calls twice as long at most: it doubles only if that is short enough.
        """
        short_enough = NEAR_TIMEOUT * self._timeout_seconds
        if seconds > short_enough:
            return
        if self._too_many is not None and now >= self._remembered_until:
            self._too_many = None
            self._doubling = True
        top = self.ceiling if self._too_many is None else min(self.ceiling, self._too_many - 1)
        doubles = self._doubling and 2 * seconds <= short_enough
        step = 1.0 if doubles else 1.0 / self._limit
        self._limit = max(self._limit, min(float(top), self._limit + step))

    def _sample(self, now: float, seconds: float, tokens: int | None) -> None:
        self._samples.append((seconds, tokens))
        if len(self._samples) < max(FEWEST_SAMPLES, min(MOST_SAMPLES, 2 * self.in_force)):
            return
        length = _usual_length(self._samples)
        self._samples.clear()
        self._judge_window(now, length)

    def _judge_window(self, now: float, length: Length) -> None:
        """Compare a window of calls with the usual one.

        The limit is halved only when calls take more than twice as long. If our own calls are the
        queue, that is more than twice as many as the server can work on, and half of them still
        keep it busy. If the lower limit does not shorten the calls, it is not our queue: what was
        measured is the new usual length, and the limit may return. Two calls at once can't be such
        a queue, and stay two: with a limit of one, a single call that hangs would stop all others.
        """
        before, self._length_before_cut = self._length_before_cut, None
        if self._usual is None:
            self._usual = length
            return
        inflation = length.inflation_over(self._usual)
        self._crowded = inflation > CROWDED
        if inflation <= INFLATED:
            self._usual = self._usual.moved_towards(length, _drift(inflation))
        elif before is not None and length.inflation_over(before) > HELPED:
            self._usual = length
            self._crowded, self._doubling = False, True
        elif self.in_force <= FEWEST_BY_LENGTH:
            self._usual, self._crowded = length, False
        else:
            self._cut(now, max(0.5, FEWEST_BY_LENGTH / self._limit))
            self._length_before_cut = length


def _drift(inflation: float) -> float:
    if inflation <= 1:
        return DRIFT_DOWN
    return DRIFT_UP if inflation <= FOLLOWED else DRIFT_CROWDED


def _usual_length(samples: list[tuple[float, int | None]]) -> Length:
    seconds = max(SHORTEST_SECONDS, median(seconds for seconds, _ in samples))
    per_token = [seconds / tokens for seconds, tokens in samples if tokens]
    enough = 2 * len(per_token) > len(samples)
    return Length(seconds, max(1e-9, median(per_token)) if enough else None)

"""The flood breaker at work: what persist sees it hears, and the doors ask it."""

from __future__ import annotations

import asyncio
from typing import Any

from app.core.flood import Door, FloodBreaker, FloodPolicy, voice_of
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.metrics import Metrics
from app.ports import Ending

#: How often a held question looks whether it may come in.
_LOOK_SECONDS = 0.5


class FloodGate:
    """The breaker of one engine, with its figures and its words."""

    def __init__(self, policy: FloodPolicy, metrics: Metrics, log: Any) -> None:
        self._breaker = FloodBreaker(policy)
        self._metrics = metrics
        self._log = log

    @property
    def open(self) -> bool:
        """Whether intake is stopped."""
        return self._breaker.flood is not None

    @property
    def reason(self) -> str | None:
        """Say why intake is stopped, and what to do; None while it is not."""
        flood = self._breaker.flood
        return None if flood is None else str(flood)

    def ended(self, ending: Ending, stored: StoredQuestion | None, now: float) -> None:
        """Note the end of a question; `stored` has its calls."""
        attempts = stored.attempts if stored is not None else ()
        called = any(attempt.round == ending.turn.round for attempt in attempts)
        voice = voice_of(Status(ending.status), ending.cause, called=called)
        if voice is None:
            return
        was_open = self.open
        changed = self._breaker.ended(
            ending.question_id, voice, ending.cause, ending.finished_at, now
        )
        if changed and not was_open:
            self._metrics.count("floods")
            self._log.error("flood_began", reason=self.reason)
        elif changed:
            self._log.warning("flood_ended", because="questions pass again")

    def resume(self) -> bool:
        """Open the intake by an operator's word; tell whether it was stopped."""
        was_open = self._breaker.resume()
        if was_open:
            self._log.warning("flood_ended", because="an operator said so")
        return was_open

    def wait(self, door: Door, now: float) -> float:
        """Return 0 when a question may come in (while stopped: one), else seconds to wait."""
        return self._breaker.wait(door, now)

    async def leave(self, waiting: int, now: Any) -> int:
        """Wait until questions may come in at `admit`; return how many of those that wait."""
        while True:
            seconds = self._breaker.wait(Door.ADMIT, now())
            if seconds <= 0:
                return 1 if self.open else waiting
            await asyncio.sleep(min(seconds, _LOOK_SECONDS))

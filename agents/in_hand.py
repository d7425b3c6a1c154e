"""The events that stages have in hand, and what those wait for on purpose.

The watchdog (`app/service/watchdog.py`) takes an event in hand that does not end for a hang, unless
it waits for something that is named here. Every stage may name a wait:

    with context.waiting_for("the model", at_most=limits.call_seconds):
        answer = await ...

A wait outside of any event in hand (a timer, a test) is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any

from agents.stage_rates import StageRates


@dataclass(eq=False, slots=True)
class Wait:
    """A wait that is no hang until `until` (monotonic seconds).

    `trouble`: why it goes on, when what it waits for was found to be away.
    """

    what: str
    until: float
    trouble: str = ""

    def renew(self, seconds: float) -> None:
        """A sign of life: it may last `seconds` from now on."""
        self.until = monotonic() + seconds


@dataclass(eq=False, slots=True)
class InHand:
    """An event that a stage has begun."""

    stage: str
    event: Any
    since: float
    waits: list[Wait] = field(default_factory=list)

    def waits_for(self, now: float) -> str | None:
        """Return what it waits for, or None when nothing excuses it."""
        for wait in reversed(self.waits):
            if now < wait.until:
                return wait.what
        return None


_current: ContextVar[InHand | None] = ContextVar("answerloop_event_in_hand", default=None)


class WaitingFor:
    """The events in hand of one app, and how many messages its stages have done."""

    def __init__(self) -> None:
        self.rates = StageRates()
        self._in_hand: set[InHand] = set()

    @contextmanager
    def in_hand(self, stage: str, event: Any) -> Iterator[InHand]:
        """Keep count of an event for as long as a stage works on it."""
        entry = InHand(stage, event, monotonic())
        self._in_hand.add(entry)
        token = _current.set(entry)
        try:
            yield entry
            value = getattr(event, "value", None)
            self.rates.done(stage, len(value) if isinstance(value, list) else 1)
        finally:
            _current.reset(token)
            self._in_hand.discard(entry)

    @contextmanager
    def __call__(self, what: str, at_most: float = inf) -> Iterator[Wait]:
        """Name what the current event waits for, and for how many seconds that is no hang.

        Inside of it the event counts as waiting in all tasks that were started from its own.
        """
        wait = Wait(what, monotonic() + at_most)
        entry = _current.get()
        if entry is None:
            yield wait
            return
        entry.waits.append(wait)
        try:
            yield wait
        finally:
            entry.waits.remove(wait)

    def troubles(self) -> dict[str, str]:
        """Return what is away, of all that events in hand wait for, and why."""
        return {
            wait.what: wait.trouble
            for entry in self._in_hand
            for wait in entry.waits
            if wait.trouble
        }

    def entries(self) -> list[InHand]:
        """Return the events in hand now."""
        return list(self._in_hand)

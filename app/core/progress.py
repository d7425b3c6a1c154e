"""Whether a worker makes progress: the watchdog's decision, from one look to the next.

A partition is stalled while it has messages that are not done (lag), the lowest of them stays the
same, and nothing excuses that. A wait for something outside is an excuse; so is a stage that works
on other messages. While the worker is paused (its partitions move, its tables are recovered, the
broker is away) nothing is expected of it, and all clocks begin anew afterwards.

Times are seconds on a clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Where(StrEnum):
    """Where the lowest message of a partition is that is not done."""

    HELD = "held"
    """A stage has it in hand."""
    QUEUED = "queued"
    """It was fetched, and no stage has taken it yet."""
    RELEASED = "released"
    """A stage gave it back: it is handed out again."""
    VANISHED = "vanished"
    """It was dropped without an acknowledgement."""
    UNFETCHED = "unfetched"
    """It is on the log, and was not fetched."""


REASONS = {
    Where.HELD: "its message does not end",
    Where.QUEUED: "nobody takes its message",
    Where.RELEASED: "its message was given back and does not come again",
    Where.VANISHED: "its message was dropped unacknowledged",
    Where.UNFETCHED: "nothing is fetched from it",
}
UNCOMMITTED = "what is done is not committed"
SILENT = "the consumer does not answer"
NO_PARTITIONS = "the group has no members: this worker lost its place"
REBALANCING = "the partitions are being assigned without an end"


@dataclass(frozen=True, slots=True)
class Head:
    """One partition as it stands: `offset` is its lowest message that is not done.

    `lag` counts the offsets from there to the end of the log; `stored` is the offset that the group
    has committed, None before its first commit. `excuse` says why it need not move.
    """

    offset: int
    lag: int
    stage: str
    where: Where = Where.HELD
    stored: int | None = None
    excuse: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the watchdog saw. `troubles` are of the whole worker; `pause` is why nothing is due."""

    at: float
    heads: Mapping[str, Head] = field(default_factory=dict)
    troubles: frozenset[str] = frozenset()
    pause: str | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """A partition (or, without one, the whole worker) that has not moved for `seconds`."""

    partition: str | None
    stage: str | None
    reason: str
    offset: int | None
    seconds: float

    def __str__(self) -> str:
        if self.partition is None:
            return f"{self.reason} ({self.seconds:.0f} s)"
        return (
            f"{self.partition} at {self.stage}: {self.reason} "
            f"(offset {self.offset}, {self.seconds:.0f} s)"
        )


#: What is timed: (partition or "", aspect), with the value whose change is progress.
_Clock = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after some looks: since when each thing stands still, and at what value."""

    look: Look | None = None
    since: Mapping[_Clock, tuple[float, int]] = field(default_factory=dict)


def after(progress: Progress, look: Look, longest_gap: float) -> Progress:
    """Return the state after another look.

    After a gap of more than `longest_gap` between two looks the process itself was stopped:
    everything is timed anew.
    """
    before = progress.look
    fresh = before is None or look.at - before.at > longest_gap or look.pause is not None
    old = {} if fresh else progress.since
    since: dict[_Clock, tuple[float, int]] = {}
    for clock, value in _standing(look).items():
        known = old.get(clock)
        since[clock] = known if known is not None and known[1] == value else (look.at, value)
    return Progress(look, since)


def _standing(look: Look) -> dict[_Clock, int]:
    """Return what does not get on in a look and is not excused, with its value."""
    if look.pause is not None:
        return {}
    found: dict[_Clock, int] = {("", trouble): 0 for trouble in look.troubles}
    for name, head in look.heads.items():
        if head.lag > 0 and head.excuse is None:
            found[(name, "offset")] = head.offset
        stored = head.stored if head.stored is not None else 0
        if stored < head.offset:
            found[(name, "stored")] = stored
    return found


def stalls(progress: Progress, seconds: float) -> tuple[Stall, ...]:
    """Return what has stood still for at least `seconds`, the longest first."""
    look = progress.look
    if look is None:
        return ()
    found = []
    for (name, aspect), (since, value) in progress.since.items():
        lasted = look.at - since
        if lasted < seconds:
            continue
        if not name:
            found.append(Stall(None, None, aspect, None, lasted))
            continue
        head = look.heads[name]
        reason = UNCOMMITTED if aspect == "stored" else REASONS[head.where]
        found.append(Stall(name, head.stage, reason, value, lasted))
    return tuple(sorted(found, key=lambda stall: (-stall.seconds, stall.partition or "")))

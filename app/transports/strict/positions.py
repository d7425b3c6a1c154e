"""The ledger of one partition: what was delivered, what is in flight, what may be committed.

Pure bookkeeping, with no Faust, no clock and no input or output. Its invariant:

    `committable` is never above an offset that was delivered and not acknowledged since `start`.

All offsets are those of the log. A flight spans the offsets `first..last` (equal for a single
record) and is acknowledged whole, by its last offset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(slots=True, eq=False)
class Flight:
    """A delivered message that is not acknowledged yet."""

    first: int
    last: int
    payload: Any = None
    """What is needed to deliver it once more."""
    message: Any = None
    """A weak reference to the message that was handed out."""
    released: bool = False
    """Its holder gave it back: nobody works on it until it is delivered again."""
    begins: int | None = None
    """Where delivery stood before it: from there to `first` the log holds nothing."""


class Admission(Enum):
    """What to do with a fetched run of records (see `Ledger.admit`)."""

    TAKE = "take"
    """It continues where delivery stands (after dropping what lies below)."""
    REFUSE = "refuse"
    """It does not: seek to the expected offset and fetch again."""
    CHECK_START = "check start"
    """Records are missing before it, twice seen after a seek of ours: ask for the log's start."""
    CHECK_END = "check end"
    """It begins below what we sought: ask whether the log was cut off."""


@dataclass(slots=True)
class Ledger:
    """Positions of one partition. `next_offset` is None until a base is known."""

    next_offset: int | None = None
    """The next offset to deliver."""
    stored: int | None = None
    """What the group is known to have committed."""
    stored_at: float | None = None
    """When a commit of this process last succeeded, by its clock."""
    flights: dict[int, Flight] = field(default_factory=dict)
    """Unacknowledged messages by last offset, ascending."""
    driver_at: int | None = None
    """Where our own seeks and fetches left the driver; None when it is not known."""
    sought: int | None = None
    """The offset of our last seek, which makes the fetch after it authoritative."""
    doubted: tuple[int, int] | None = None
    """A gap (expected, found) seen once: believed when a second seek finds the same."""

    # -- the base

    def start(self, offset: int, stored: int | None) -> None:
        """Begin anew at `offset`: all earlier flights are forgotten."""
        self.forget()
        self.next_offset, self.stored = offset, stored

    def forget(self) -> list[Flight]:
        """Deliver and commit nothing until `start`; return the flights that were open."""
        dropped = self.rewind()
        self.next_offset = self.stored = None
        return dropped

    def rewind(self, to: int | None = None) -> list[Flight]:
        """Deliver again from the lowest unacknowledged offset, or from `to`."""
        target = self.committable if to is None else to
        dropped = list(self.flights.values())
        self.flights.clear()
        self.next_offset = target
        self.distrust_driver()
        return dropped

    def distrust_driver(self) -> None:
        """The driver may stand anywhere: seek before the next delivery."""
        self.driver_at = self.sought = None

    # -- delivery

    @property
    def needs_seek(self) -> bool:
        return self.next_offset is not None and self.driver_at != self.next_offset

    def sought_to(self, offset: int) -> None:
        """A seek of ours to `offset` has succeeded."""
        self.driver_at = self.sought = offset

    def admit(self, first: int, last: int) -> Admission:
        """Judge a fetched run of records with the offsets `first..last`."""
        self.driver_at = last + 1
        want = self.next_offset
        if want is None:
            return Admission.REFUSE
        if first == want:
            self.doubted = None
            return Admission.TAKE
        if self.sought != want:
            return Admission.TAKE if first < want else Admission.REFUSE
        if first < want:
            return Admission.CHECK_END
        if self.doubted != (want, first):
            self.doubted = (want, first)
            self.distrust_driver()
            return Admission.REFUSE
        return Admission.CHECK_START

    def deliver(self, flight: Flight) -> None:
        """`flight` is handed out: it is in flight until `acknowledge`."""
        self.flights[flight.last] = flight
        flight.begins, self.next_offset = self.next_offset, flight.last + 1

    def passed(self, last: int) -> None:
        """Records up to `last` were handed out and need no acknowledgement (changelogs)."""
        self.next_offset = last + 1

    # -- acknowledgement

    def acknowledge(self, lasts: Iterable[int]) -> None:
        """The messages that end at these offsets were processed. Unknown offsets are void."""
        for last in lasts:
            self.flights.pop(last, None)

    @property
    def committable(self) -> int | None:
        """The lowest offset that is not known to be processed."""
        for flight in self.flights.values():
            return flight.first
        return self.next_offset

    @property
    def to_commit(self) -> int | None:
        """The offset to commit, or None when the group has it already."""
        offset = self.committable
        if offset is None or (self.stored is not None and offset <= self.stored):
            return None
        return offset

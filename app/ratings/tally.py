"""What was read of the topic `ratings`: valid and rejected, by rule, rating, user and movie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.core.ratings.events import MAX_HALVES, Refusal
from app.transports import RawRecord
from app.wire.ratings import RatingReader

#: Rejected events that are kept to be shown.
SHOWN = 5


class Sample(NamedTuple):
    """A rejected event: where it is, and why."""

    partition: int
    offset: int
    rule: str
    detail: str


@dataclass
class Tally:
    """Adds up events as they are read. Repeats count each time: no state of the pipeline's."""

    valid: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    by_halves: list[int] = field(default_factory=lambda: [0] * (MAX_HALVES + 1))
    users: set[int] = field(default_factory=set)
    movies: set[int] = field(default_factory=set)
    first_timestamp: int | None = None
    """Unix milliseconds."""
    last_timestamp: int | None = None
    samples: list[Sample] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    """By partition the offset after the last one that was read."""

    @property
    def read(self) -> int:
        return self.valid + sum(self.rejected.values())

    @property
    def mean(self) -> float | None:
        """Mean of the valid ratings in stars; None without one."""
        if not self.valid:
            return None
        return sum(halves * n for halves, n in enumerate(self.by_halves)) / 2 / self.valid

    def add(self, reader: RatingReader, records: Sequence[RawRecord]) -> None:
        times = []
        for record, found in zip(records, reader.read_all(records), strict=True):
            self.positions[record.partition] = record.offset + 1
            if isinstance(found, Refusal):
                self.rejected[str(found.rule)] += 1
                if len(self.samples) < SHOWN:
                    self.samples.append(Sample(record.partition, record.offset, *found))
                continue
            self.valid += 1
            self.by_halves[int(found.rating * 2)] += 1
            self.users.add(found.userId)
            self.movies.add(found.movieId)
            times.append(found.timestamp)
        if times:
            known = [t for t in (self.first_timestamp, self.last_timestamp) if t is not None]
            self.first_timestamp = min(times + known)
            self.last_timestamp = max(times + known)

"""Random logs of one partition, as hypothesis draws them, and how a state reads them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from app.core.ratings.changes import Changes, MovieTotal, StoredPartition
from app.core.ratings.events import Rating, Rule
from app.core.ratings.state import PartitionState
from tests.core.ratings.recount import Event

START = 1_761_763_121_809
TIMES = st.integers(0, 300_000).map(lambda ms: START + ms) | st.sampled_from(
    [1, 59_999, 60_000, 120_001, START - 10_000_000, START + 600_000, 253_402_300_799_999]
)
RATINGS = st.builds(
    Event,
    user=st.integers(1, 4),
    movie=st.integers(1, 5),
    halves=st.integers(1, 10),
    time=TIMES,
    arrived=st.integers(0, 300_000).map(lambda ms: (START + ms) / 1000),
)
REFUSED = st.builds(Event, rule=st.sampled_from([rule.value for rule in Rule]))
LOGS = st.lists(st.one_of(RATINGS, RATINGS, RATINGS, REFUSED), max_size=60)


def feed(state: PartitionState, log: Sequence[Event]) -> None:
    """Let a state read events, as its agent does with a chunk."""
    for event in log:
        if event.rule:
            state.refuse(event.rule)
    good = [event for event in log if not event.rule]
    state.apply_all(
        [Rating(event.user, event.movie, event.halves / 2, event.time) for event in good],
        [event.arrived for event in good],
    )
    state.passed(state.next_offset + len(log))


class Storage:
    """What a store keeps of one partition."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.stored = StoredPartition()
        self.segments: list[bytes] = []
        self._movies: dict[int, MovieTotal] = {}

    def save(self, changes: Changes) -> None:
        assert changes.from_offset == self.next_offset
        self.next_offset = changes.next_offset
        self._movies.update((movie.movie_id, movie) for movie in changes.movies)
        if changes.segment:
            self.segments.append(changes.segment)
        self.stored = StoredPartition(changes.next_offset, changes.totals)

    def load(self) -> StoredPartition:
        return StoredPartition(
            self.stored.next_offset,
            self.stored.totals,
            list(self._movies.values()),
            list(self.segments),
        )

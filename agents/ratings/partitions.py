"""The partitions of `ratings` that this worker has, each with its state and who waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from agents.waits import Draining
from app.core.ratings.changes import UserRecommendation
from app.core.ratings.state import PartitionState
from app.ports.recommender import History
from app.tracing import Carrier


class Partition:
    """One partition. `state` is None until it is loaded, and again once it is void."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lane = asyncio.Lock()
        self.state: PartitionState | None = None
        #: To be written by the next save, by user.
        self.recommendations: dict[int, UserRecommendation] = {}
        #: Trace contexts of the chunks that the next save covers, while somebody collects traces.
        self.applied: list[Carrier] = []
        self.merging: asyncio.Task[None] | None = None
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def unsaved(self) -> bool:
        state = self.state
        return state is not None and (not state.is_saved or bool(self.recommendations))

    @property
    def waited_for(self) -> bool:
        """Whether events wait for a save."""
        return bool(self._waiters)

    def covered(self, next_offset: int) -> asyncio.Future[None]:
        """Return a future that is done once a save has covered all offsets below `next_offset`.

        It fails with Draining when the state becomes void: the events are to be given back.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((next_offset, future))
        self.settle()
        return future

    def settle(self) -> None:
        """Tell those whose offsets are stored."""
        if self.state is None:
            return
        saved = self.state.saved_offset
        while self._waiters and self._waiters[0][0] <= saved:
            _, future = self._waiters.popleft()
            if not future.done():
                future.set_result(None)

    def drop(self) -> None:
        """The state is void: somebody else has gone on with the partition, or it is not ours."""
        self.state = None
        self.recommendations.clear()
        self.applied.clear()
        while self._waiters:
            _, future = self._waiters.popleft()
            if not future.done():
                future.set_exception(Draining())

    def history(self, user: int) -> History | None:
        """Return a user's ratings; None when he has none here."""
        if self.state is None:
            return None
        movies, marks = self.state.ratings_of(user)
        return History(user, movies, marks) if movies else None


class Partitions:
    """By number; made when they are first asked for."""

    def __init__(self) -> None:
        self._known: dict[int, Partition] = {}

    def __getitem__(self, number: int) -> Partition:
        if number not in self._known:
            self._known[number] = Partition(number)
        return self._known[number]

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._known.values()))

    def loaded(self) -> list[Partition]:
        return [partition for partition in self if partition.state is not None]

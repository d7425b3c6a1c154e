"""The due queue: which waits are over, by partition, without looking at the others."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from app.core.lifecycle import Turn


@dataclass(frozen=True, slots=True)
class Wait:
    """One waiting call: when it is due (Unix seconds) and which retry topic it came from."""

    question_id: str
    turn: Turn
    due_at: float
    kind: str


class DueQueue:
    """A heap of waits beside the retry table; entries that the table has replaced are skipped.

    A wait that was handed out comes again after `resend_seconds`, unless it was removed meanwhile:
    the message that announces it may have been lost with its worker.
    """

    def __init__(self, resend_seconds: float = 10.0) -> None:
        self.resend_seconds = resend_seconds
        self._waits: dict[str, Wait] = {}
        self._partition: dict[str, int] = {}
        self._next: dict[str, float] = {}
        self._heaps: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._waits)

    def __iter__(self) -> Iterator[Wait]:
        return iter(self._waits.values())

    def put(self, partition: int, wait: Wait) -> None:
        """Add a wait, or replace the one of the same question."""
        self._waits[wait.question_id] = wait
        self._partition[wait.question_id] = partition
        self._schedule(wait, wait.due_at)

    def remove(self, question_id: str) -> None:
        """Forget the wait of a question; unknown ones are fine."""
        self._waits.pop(question_id, None)
        self._partition.pop(question_id, None)
        self._next.pop(question_id, None)

    def keep_partitions(self, partitions: frozenset[int]) -> None:
        """Forget the waits of every other partition: another worker has them now."""
        for question_id in [q for q, p in self._partition.items() if p not in partitions]:
            self.remove(question_id)

    def take_due(self, now: float, kind: str, limit: int) -> list[Wait]:
        """Return at most `limit` waits of `kind` that are due at `now`, the oldest first."""
        heap = self._heaps[kind]
        taken: list[Wait] = []
        while heap and heap[0][0] <= now and len(taken) < limit:
            at, question_id = heapq.heappop(heap)
            wait = self._waits.get(question_id)
            if wait is not None and wait.kind == kind and self._next.get(question_id) == at:
                taken.append(wait)
                del self._next[question_id]
        for wait in taken:
            self._schedule(wait, now + self.resend_seconds)
        return taken

    def _schedule(self, wait: Wait, at: float) -> None:
        """Hand the wait out at `at`; its earlier heap entries count no more."""
        self._next[wait.question_id] = at
        heapq.heappush(self._heaps[wait.kind], (at, wait.question_id))

    def next_due(self) -> float | None:
        """Return the earliest due time of all waits, or None."""
        return min((wait.due_at for wait in self), default=None)

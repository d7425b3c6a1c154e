"""When table entries of settled questions may go: tables must not grow for ever."""

from __future__ import annotations

from collections import defaultdict, deque


class Forgetting:
    """Question ids by partition, in the order in which they settled.

    Entries outlive their question by a grace period, so that late repeats are still recognised.
    """

    def __init__(self, after_seconds: float) -> None:
        self.after_seconds = after_seconds
        self._settled: defaultdict[int, deque[tuple[float, str]]] = defaultdict(deque)

    def add(self, partition: int, question_id: str, settled_at: float) -> None:
        self._settled[partition].append((settled_at, question_id))

    def take_old(self, partition: int, now: float) -> list[str]:
        """Return the ids of a partition whose grace period is over."""
        queue = self._settled[partition]
        old = []
        while queue and self.is_old(queue[0][0], now):
            old.append(queue.popleft()[1])
        return old

    def is_old(self, settled_at: float | None, now: float) -> bool:
        """Tell whether an end is long enough ago; a question that goes on has none."""
        return settled_at is not None and settled_at + self.after_seconds <= now

    def clear(self) -> None:
        self._settled.clear()

"""The in-process cache: the twin of Redis, and the default of a single process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence


class MemoryCache:
    """Keeps the `max_entries` questions that were used last. Implements `AnswerCache`."""

    def __init__(self, max_entries: int = 10_000) -> None:
        if max_entries < 1:
            raise ValueError(f"max_entries is {max_entries}: a cache holds at least one entry")
        self._max_entries = max_entries
        self._entries: OrderedDict[str, bytes] = OrderedDict()

    async def get(self, question_id: str) -> bytes | None:
        value = self._entries.get(question_id)
        if value is not None:
            self._entries.move_to_end(question_id)
        return value

    async def put(self, entries: Mapping[str, bytes]) -> None:
        for question_id, value in entries.items():
            self._entries[question_id] = value
            self._entries.move_to_end(question_id)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    async def forget(self, question_ids: Sequence[str]) -> None:
        for question_id in question_ids:
            self._entries.pop(question_id, None)

    async def check(self) -> str:
        return f"{len(self._entries)} of {self._max_entries} entries in memory"

    async def close(self) -> None:
        self._entries.clear()

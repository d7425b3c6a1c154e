"""Twins with a switch: what the stages see while an outside system is away."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.store.memory import MemoryStore
from app.errors import CacheUnavailable, StoreUnavailable


class FaultyStore:
    """A memory store that is away for `seconds` from the first call of method `at` on."""

    def __init__(self, at: str | None = None, seconds: float = 0.5) -> None:
        self.inner = MemoryStore()
        self._at = at
        self._seconds = seconds
        self._down_until: float | None = None
        self.refused: list[str] = []
        self.down = False

    @property
    def away(self) -> bool:
        return self.down or (self._down_until is not None and time.monotonic() < self._down_until)

    @property
    def was_away(self) -> bool:
        return bool(self.refused)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def call(*args: Any, **options: Any) -> Any:
            if name == self._at and self._down_until is None:
                self._down_until = time.monotonic() + self._seconds
            if self.away:
                self.refused.append(name)
                raise StoreUnavailable("the database is away")
            return await method(*args, **options)

        return call


class NoCache:
    """A cache that can't be reached."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, question_id: str) -> bytes | None:
        self.asked += 1
        raise CacheUnavailable("no cache")

    async def put(self, entries: Mapping[str, bytes]) -> None:
        self.asked += 1
        raise CacheUnavailable("no cache")

    async def forget(self, question_ids: Sequence[str]) -> None:
        raise CacheUnavailable("no cache")

    async def check(self) -> str:
        raise CacheUnavailable("no cache")

    async def close(self) -> None:
        """Nothing to close."""

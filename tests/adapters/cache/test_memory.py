"""The in-process cache keeps the contract, and its size."""

from __future__ import annotations

import pytest

from app.adapters.cache.memory import MemoryCache
from tests.adapters.cache.contract import CacheContract


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def cache(self) -> MemoryCache:
        return MemoryCache()


async def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = MemoryCache(max_entries=3)
    await cache.put({"a": b"1", "b": b"2", "c": b"3"})
    await cache.get("a")
    await cache.put({"b": b"2"})
    await cache.put({"d": b"4"})
    assert [await cache.get(key) for key in "abcd"] == [b"1", b"2", None, b"4"]


def test_a_cache_without_room_is_refused() -> None:
    with pytest.raises(ValueError):
        MemoryCache(max_entries=0)

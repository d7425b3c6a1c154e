"""What every cache keeps. Inherit, and give the fixture `cache`."""

from __future__ import annotations

import asyncio

from app.ports import AnswerCache


class CacheContract:
    async def test_what_was_put_is_found(self, cache: AnswerCache) -> None:
        entries = {"a": '{"answer": "ñ 🦙"}'.encode(), "b": b"\x00\xff", "": b"", "x y\n": b"1"}
        await cache.put(entries)
        assert {key: await cache.get(key) for key in entries} == entries

    async def test_what_was_not_put_is_none(self, cache: AnswerCache) -> None:
        assert await cache.get("nobody") is None

    async def test_the_last_value_counts(self, cache: AnswerCache) -> None:
        await cache.put({"a": b"1"})
        await cache.put({"a": b"2"})
        assert await cache.get("a") == b"2"

    async def test_what_was_forgotten_is_none(self, cache: AnswerCache) -> None:
        await cache.put({"a": b"1", "b": b"2", "c": b"3"})
        await cache.forget(["a", "c", "nobody"])
        assert [await cache.get(key) for key in "abc"] == [None, b"2", None]

    async def test_nothing_is_nothing(self, cache: AnswerCache) -> None:
        await cache.put({})
        await cache.forget([])

    async def test_many_at_once(self, cache: AnswerCache) -> None:
        await cache.put({f"q{n}": str(n).encode() for n in range(500)})
        values = await asyncio.gather(*(cache.get(f"q{n}") for n in range(50)))
        assert values == [str(n).encode() for n in range(50)]

    async def test_a_cache_that_works_says_so(self, cache: AnswerCache) -> None:
        assert await cache.check()

"""What every ratings store keeps of a journal whose segments are merged."""

from __future__ import annotations

import asyncio

from app.ports.ratings import RatingStore
from tests.adapters.store.rating_facts import (
    FULL,
    changes,
    movie,
    rows,
    segment,
)


class MergeContract:
    async def three(self, store: RatingStore, *, start: int = 0) -> None:
        """Save three segments of one rating each, with gaps between the offsets that have any."""
        for step in range(3):
            at = start + step * 10
            body = segment((1, 7, step + 1, 9))
            assert await store.save(changes(at, at + 9, segment=body))
            assert await store.save(changes(at + 9, at + 10))

    async def test_merged_segments_stand_where_the_old_ones_stood(self, store: RatingStore) -> None:
        await self.three(store)
        merged = segment((1, 7, 2, 9))
        assert await store.merge(0, 20, [merged])
        found = await store.load(0)
        assert (found.next_offset, list(found.segments)) == (30, [merged, segment((1, 7, 3, 9))])
        await store.save(changes(30, 31, segment=segment((1, 7, 4, 9))))
        last = segment((1, 7, 4, 9))
        assert await store.merge(0, 31, [last])
        assert list((await store.load(0)).segments) == [last]

    async def test_several_bodies_keep_their_order(self, store: RatingStore) -> None:
        await self.three(store)
        bodies = [segment((n, 1, 1, 1)) for n in (3, 1, 2)]
        assert await store.merge(0, 30, bodies)
        assert list((await store.load(0)).segments) == bodies

    async def test_a_merge_changes_no_figures(self, store: RatingStore) -> None:
        body = segment((1, 7, 1, 9))
        await store.save(changes(next_offset=5, totals=FULL, movies=[movie(7)], segment=body))
        assert await store.merge(0, 5, [body])
        found = await store.load(0)
        assert (found.next_offset, found.totals) == (5, FULL)
        assert list(found.movies) == [movie(7)]

    async def test_nothing_to_merge_is_refused(self, store: RatingStore) -> None:
        assert not await store.merge(0, 5, [segment((1, 1, 1, 1))])
        await self.three(store)
        assert not await store.merge(0, 5, [segment((1, 1, 1, 1))])
        assert not await store.merge(1, 30, [segment((1, 1, 1, 1))])
        assert len((await store.load(0)).segments) == 3

    async def test_what_lies_ahead_of_the_stored_offset_is_refused(
        self, store: RatingStore
    ) -> None:
        await self.three(store)
        assert not await store.merge(0, 31, [segment((1, 1, 1, 1))])

    async def test_a_worker_that_was_replaced_can_not_undo_a_merge(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        await self.three(store)
        await other.load(0)
        theirs = segment((1, 7, 3, 9))
        assert await other.merge(0, 30, [theirs])
        for upto in (10, 20, 30):
            assert not await store.merge(0, upto, [segment((6, 6, 6, 6))])
        assert list((await store.load(0)).segments) == [theirs]
        assert await store.merge(0, 30, [theirs]), "it has loaded what is there"

    async def test_a_worker_that_was_replaced_can_not_merge_what_came_after_it(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        await self.three(store)
        await other.load(0)
        await other.save(changes(30, 40, segment=segment((2, 2, 2, 2))))
        assert not await store.merge(0, 40, [segment((1, 7, 3, 9))])
        assert len((await store.load(0)).segments) == 4

    async def test_a_merge_of_before_a_reset_is_refused(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        """The new segments have the same offsets as those the worker knows, but are others."""
        await self.three(store)
        await other.reset()
        await self.three(other)
        assert not await store.merge(0, 30, [segment((1, 7, 3, 9))])
        assert len((await other.load(0)).segments) == 3
        assert await other.merge(0, 30, [segment((1, 7, 3, 9))])

    async def test_of_two_merges_at_once_one_wins(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        await self.three(store)
        for _ in range(10):
            await asyncio.gather(store.load(0), other.load(0))
            bodies = [[segment((which, 7, 3, 9))] * 3 for which in (0, 1)]
            results = await asyncio.gather(
                store.merge(0, 30, bodies[0]), other.merge(0, 30, bodies[1])
            )
            assert sorted(results) == [False, True]
            assert list((await store.load(0)).segments) == bodies[results.index(True)]

    async def test_saves_go_on_while_it_merges(self, store: RatingStore) -> None:
        await self.three(store)

        async def save(count: int) -> None:
            for at in range(30, 30 + count):
                body = segment((at, 1, 1, 1))
                assert await store.save(changes(at, at + 1, segment=body))

        merged = segment((1, 7, 3, 9))
        _, done = await asyncio.gather(save(10), store.merge(0, 30, [merged]))
        assert done
        found = await store.load(0)
        assert [rows(each)[0][0] for each in found.segments] == [1, *range(30, 40)]

    async def test_what_is_loaded_while_others_merge_is_always_whole(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        """Every rating of the log up to the offset is there, however it is cut into segments."""
        stop = asyncio.Event()

        async def work() -> None:
            for at in range(60):
                await store.save(changes(at, at + 1, segment=segment((1, at + 1, 1, 1))))
                if at % 4 == 3:
                    everything = [(1, n + 1, 1, 1) for n in range(at + 1)]
                    assert await store.merge(0, at + 1, [segment(*everything)])
                await asyncio.sleep(0)
            stop.set()

        working = asyncio.create_task(work())
        loads = 0
        while not stop.is_set() and not working.done():
            found = await other.load(0)
            movies = [row[1] for body in found.segments for row in rows(body)]
            assert movies == list(range(1, found.next_offset + 1))
            loads += 1
            await asyncio.sleep(0)
        await working
        assert loads > 1

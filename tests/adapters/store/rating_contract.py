"""What every ratings store keeps. Inherit, and give the fixtures `store` and `other`.

`other` is the store of another worker on the same database.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.core.ratings.changes import (
    MovieStats,
    MovieTotal,
    RatingStats,
    StoredPartition,
    Totals,
    Window,
)
from app.ports.ratings import RatingStore
from tests.adapters.store.rating_facts import (
    FULL,
    changes,
    movie,
    offsets_of,
    recommendation,
    rows,
    segment,
)


class SaveContract:
    async def test_an_empty_store_has_nothing_and_says_so(self, store: RatingStore) -> None:
        assert await store.load(0) == StoredPartition()
        assert await store.stats() == RatingStats(Totals(), 0)
        assert (await store.stats()).mean is None
        assert await store.movie(1) is None
        assert list(await store.popular(10)) == []
        assert await store.recommendation(1) is None
        assert await store.users_with_recommendations() == 0
        assert await store.reset() == 0
        assert await store.check()

    async def test_what_was_saved_is_loaded_as_it_was(self, store: RatingStore) -> None:
        body = segment((1, 7, 5_000, 9), (2, 8, 6_000, 1))
        saved = changes(next_offset=4, totals=FULL, movies=[movie(7), movie(8)], segment=body)
        assert await store.save(saved)
        found = await store.load(0)
        assert (found.next_offset, found.totals) == (4, FULL)
        assert list(found.movies) == [movie(7), movie(8)]
        assert list(found.segments) == [body]
        assert await store.load(1) == StoredPartition()

    async def test_what_is_saved_later_is_on_top(self, store: RatingStore) -> None:
        first, second = segment((1, 7, 5_000, 9)), segment((1, 7, 5_001, 2))
        await store.save(changes(next_offset=3, movies=[movie(7), movie(8)], segment=first))
        later = [movie(7, ratings=2, sum_halves=11, last_timestamp=5_001)]
        assert await store.save(changes(3, 9, movies=later, segment=second, totals=FULL))
        found = await store.load(0)
        assert (found.next_offset, found.totals) == (9, FULL)
        assert list(found.movies) == [*later, movie(8)]
        assert list(found.segments) == [first, second]

    async def test_figures_are_absolute_and_not_added(self, store: RatingStore) -> None:
        for start in range(3):
            await store.save(changes(start, start + 1, totals=Totals(valid=5), movies=[movie(7)]))
        assert (await store.stats()).totals == Totals(valid=5)
        assert await store.movie(7) == MovieStats(7, 1, 4.5, 5_000)

    async def test_a_save_without_news_moves_the_offset_only(self, store: RatingStore) -> None:
        await store.save(changes(next_offset=3, totals=FULL))
        assert await store.save(changes(3, 8, totals=FULL))
        found = await store.load(0)
        assert (found.next_offset, list(found.movies), list(found.segments)) == (8, [], [])

    async def test_recommendations_may_be_saved_where_the_offset_stands(
        self, store: RatingStore
    ) -> None:
        await store.save(changes(next_offset=3, recommendations=[recommendation(1)]))
        newer = recommendation(1, model="als-2")
        assert await store.save(changes(3, 3, recommendations=[newer, recommendation(2)]))
        assert await store.recommendation(1) == newer
        assert await store.recommendation(2) == recommendation(2)
        assert await store.recommendation(3) is None
        assert await store.users_with_recommendations() == 2

    async def test_how_often_a_movie_is_recommended_counts_each_user_once(
        self, store: RatingStore
    ) -> None:
        assert await store.exposure() == {}
        first = [recommendation(1, ids=(7, 8)), recommendation(2, ids=(7, 9))]
        await store.save(changes(next_offset=3, recommendations=first))
        await store.save(changes(3, 4, recommendations=[recommendation(2, ids=(7, 8, 5))]))
        assert await store.exposure() == {5: 1, 7: 2, 8: 2}

    async def test_a_user_without_unseen_movies_has_a_recommendation_of_none(
        self, store: RatingStore
    ) -> None:
        nothing = replace(recommendation(1), movies=())
        await store.save(changes(next_offset=1, recommendations=[nothing]))
        assert await store.recommendation(1) == nothing

    async def test_of_one_movie_or_user_twice_in_a_save_the_last_counts(
        self, store: RatingStore
    ) -> None:
        twice = [movie(7), movie(7, ratings=3, sum_halves=30)]
        asked = [recommendation(1), recommendation(1, model="als-2")]
        await store.save(changes(next_offset=1, movies=twice, recommendations=asked))
        assert list((await store.load(0)).movies) == twice[1:]
        assert await store.recommendation(1) == asked[1]

    async def test_the_greatest_numbers_are_kept_to_the_last_bit(self, store: RatingStore) -> None:
        most = 2**63 - 1
        huge = movie(2**32 - 1, ratings=most, sum_halves=most, last_timestamp=most)
        totals = Totals(
            valid=most,
            by_halves=[most] * 11,
            squared_error=1e300 + 1 / 3,
            watermark=most,
            windows=[Window(-(2**62), most, most)],
        )
        exact = replace(recommendation(most, ids=(2**32 - 1,)), ratings=most, made_at=1.7e9 + 1 / 3)
        body = segment((2**32 - 1, 2**32 - 1, 253_402_300_799_999, 10))
        assert await store.save(
            changes(
                partition=2**31 - 1,
                next_offset=most,
                totals=totals,
                movies=[huge],
                segment=body,
                recommendations=[exact],
            )
        )
        found = await store.load(2**31 - 1)
        assert (found.next_offset, found.totals) == (most, totals)
        assert (list(found.movies), list(found.segments)) == ([huge], [body])
        assert await store.recommendation(most) == exact

    async def test_what_the_caller_changes_afterwards_is_not_in_the_store(
        self, store: RatingStore
    ) -> None:
        """The state goes on with its own objects: a save is what it was at its time."""
        totals = Totals(valid=1, rejected={"type": 1})
        await store.save(changes(next_offset=1, totals=totals))
        totals.valid = totals.rejected["type"] = totals.by_halves[3] = 99
        totals.windows.append(Window(0, 1, 1))
        (await store.load(0)).totals.rejected["type"] = 98
        assert (await store.load(0)).totals == Totals(valid=1, rejected={"type": 1})


class FenceContract:
    async def test_a_save_on_another_offset_is_refused_and_writes_nothing(
        self, store: RatingStore
    ) -> None:
        body = segment((1, 7, 5_000, 9))
        await store.save(changes(next_offset=5, movies=[movie(7)], segment=body, totals=FULL))
        before = await store.load(0)
        for start in (0, 4, 6):
            refused = changes(
                start,
                10,
                movies=[movie(7, ratings=9), movie(9)],
                segment=segment((9, 9, 9, 9)),
                recommendations=[recommendation(1)],
            )
            assert not await store.save(refused)
        assert await store.load(0) == before
        assert await store.recommendation(1) is None
        assert await store.movie(9) is None

    async def test_the_first_save_starts_at_zero(self, store: RatingStore) -> None:
        assert not await store.save(changes(3, 5, movies=[movie(7)]))
        assert await store.load(0) == StoredPartition()
        assert await store.movie(7) is None

    async def test_the_same_changes_again_are_refused(self, store: RatingStore) -> None:
        """So is the try after one whose reply was lost: the caller loads anew."""
        once = changes(next_offset=5, segment=segment((1, 7, 5_000, 9)), movies=[movie(7)])
        assert await store.save(once)
        assert not await store.save(once)
        assert len((await store.load(0)).segments) == 1

    async def test_partitions_do_not_fence_each_other(self, store: RatingStore) -> None:
        assert await store.save(changes(next_offset=5))
        assert await store.save(changes(next_offset=2, partition=1))
        assert await store.save(changes(5, 6))
        assert await offsets_of(store, 0, 1) == [6, 2]

    async def test_of_two_workers_on_one_partition_exactly_one_goes_on(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        wins = [0, 0]
        for step in range(20):
            tries = [
                worker.save(
                    changes(
                        step,
                        step + 1,
                        movies=[movie(n, ratings=step * 2 + which) for n in range(1, 40)],
                        segment=segment((which, step + 1, 1, 1)),
                        totals=Totals(valid=step * 2 + which),
                        recommendations=[recommendation(n, model=f"{which}") for n in range(9)],
                    )
                )
                for which, worker in enumerate((store, other))
            ]
            results = await asyncio.gather(*tries)
            assert sorted(results) == [False, True]
            winner = results.index(True)
            wins[winner] += 1
            found = await store.load(0)
            assert {each.ratings for each in found.movies} == {step * 2 + winner}
            assert found.totals.valid == step * 2 + winner
            assert rows(found.segments[-1]) == [(winner, step + 1, 1, 1)]
            assert (await store.recommendation(8)) == recommendation(8, model=f"{winner}")
        assert sum(wins) == 20

    async def test_after_a_reset_the_state_of_before_is_void(
        self, store: RatingStore, other: RatingStore
    ) -> None:
        await store.save(
            changes(next_offset=5, movies=[movie(7)], recommendations=[recommendation(1)])
        )
        await store.save(changes(next_offset=5, partition=3))
        assert await other.reset() == 2
        assert not await store.save(changes(5, 6, movies=[movie(7)]))
        assert await store.load(0) == StoredPartition()
        assert await store.stats() == RatingStats(Totals(), 0)
        assert await store.users_with_recommendations() == 0
        assert await store.save(changes(next_offset=1))


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


class SumContract:
    async def test_partitions_are_added_up(self, store: RatingStore) -> None:
        one = Totals(
            valid=10,
            duplicate=1,
            stale=2,
            rejected={"type": 3, "rating": 1},
            out_of_order=4,
            late=5,
            future=6,
            users=7,
            by_halves=[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            predicted=8,
            squared_error=2.5,
            watermark=60_000,
            windows=[Window(0, 3, 10), Window(60_000, 1, 2)],
        )
        two = replace(one, watermark=0, rejected={"type": 1, "user_id": 9}, windows=[])
        three = replace(
            one, watermark=50_000, windows=[Window(60_000, 4, 8), Window(120_000, 1, 1)]
        )
        for partition, totals in enumerate((one, two, three)):
            await store.save(changes(partition=partition, next_offset=1, totals=totals))
        found = (await store.stats()).totals
        assert found == Totals(
            valid=30,
            duplicate=3,
            stale=6,
            rejected={"type": 7, "rating": 2, "user_id": 9},
            out_of_order=12,
            late=15,
            future=18,
            users=21,
            by_halves=[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 27],
            predicted=24,
            squared_error=7.5,
            watermark=50_000,
            windows=[Window(0, 3, 10), Window(60_000, 5, 10), Window(120_000, 1, 1)],
        )
        assert (await store.stats()).mean == (3 * 0.5 + 27 * 5) / 30

    async def test_a_movie_is_added_up_over_partitions(self, store: RatingStore) -> None:
        await store.save(changes(next_offset=1, movies=[movie(7, 2, 20, 9_000), movie(8)]))
        await store.save(changes(partition=1, next_offset=1, movies=[movie(7, 1, 1, 5_000)]))
        assert await store.movie(7) == MovieStats(7, 3, 3.5, 9_000)
        assert await store.movie(8) == MovieStats(8, 1, 4.5, 5_000)
        assert await store.movie(9) is None
        assert (await store.stats()).movies == 2

    async def test_a_movie_without_current_ratings_is_none(self, store: RatingStore) -> None:
        nothing = movie(7, 0, 0, 0)
        await store.save(changes(next_offset=1, movies=[nothing, movie(8)]))
        assert await store.movie(7) is None
        assert (await store.stats()).movies == 1
        assert [each.movie_id for each in await store.popular(10)] == [8]

    async def test_popular_movies_are_those_with_the_most_ratings(self, store: RatingStore) -> None:
        await store.save(
            changes(next_offset=1, movies=[movie(n, n, n * 2, n) for n in range(1, 9)])
        )
        await store.save(
            changes(partition=1, next_offset=1, movies=[movie(2, 5, 50, 1), movie(9, 6)])
        )
        assert list(await store.popular(4)) == [
            MovieTotal(8, 8, 16, 8),
            MovieTotal(2, 7, 54, 2),
            MovieTotal(7, 7, 14, 7),
            MovieTotal(6, 6, 12, 6),
        ]
        assert len(await store.popular(100)) == 9


class RatingStoreContract(SaveContract, FenceContract, MergeContract, SumContract):
    """All of it."""

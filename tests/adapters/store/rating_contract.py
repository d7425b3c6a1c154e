"""What every ratings store keeps. Inherit, and give the fixtures `store` and `other`.

`other` is the store of another worker on the same database.
"""

from __future__ import annotations

from dataclasses import replace

from app.core.ratings.changes import (
    MovieStats,
    RatingStats,
    StoredPartition,
    Totals,
    Window,
)
from app.ports.ratings import RatingStore
from tests.adapters.store.rating_contract_fence import FenceContract
from tests.adapters.store.rating_contract_merge import MergeContract
from tests.adapters.store.rating_contract_sums import SumContract
from tests.adapters.store.rating_facts import (
    FULL,
    changes,
    movie,
    recommendation,
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


class RatingStoreContract(SaveContract, FenceContract, MergeContract, SumContract):
    """All of it."""

"""What every ratings store refuses: saves of a worker that another has replaced."""

from __future__ import annotations

import asyncio

from app.core.ratings.changes import (
    RatingStats,
    StoredPartition,
    Totals,
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

"""What every ratings store adds up over its partitions."""

from __future__ import annotations

from dataclasses import replace

from app.core.ratings.changes import (
    MovieStats,
    MovieTotal,
    Totals,
    Window,
)
from app.ports.ratings import RatingStore
from tests.adapters.store.rating_facts import (
    changes,
    movie,
)


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

    async def test_windows_that_some_partition_keeps_no_more_are_left_out(
        self, store: RatingStore
    ) -> None:
        """A busy partition keeps the newest minutes only: before them, a quiet one's are no sum."""
        busy = [Window(60_000 * n, 10, 80) for n in range(180, 240)]
        quiet = [Window(60_000 * n, 1, 2) for n in range(62, 240, 3)]
        for partition, windows in enumerate((busy, quiet)):
            totals = Totals(windows=windows)
            await store.save(changes(partition=partition, next_offset=1, totals=totals))
        found = (await store.stats()).totals.windows
        assert [each.start for each in found] == [60_000 * n for n in range(180, 240)]
        assert {each.ratings for each in found} == {10, 11}

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

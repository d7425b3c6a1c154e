"""The figures of the ratings are exact, whatever happens to worker, log and store."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.store.rating_memory import MemoryRatingStore, RatingData
from app.core.ratings.changes import StoredPartition
from app.core.ratings.events import Rating
from app.core.ratings.state import PartitionState
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    POISON,
    START,
    FaultyStore,
    PlainRecommender,
    RatingsEngine,
    assert_exact,
    random_events,
    rating_ports,
    running_ratings,
)


class LoadsCounted(MemoryRatingStore):
    """A store that says how often it was asked for a partition."""

    loads = 0

    async def load(self, partition: int) -> StoredPartition:
        self.loads += 1
        return await super().load(partition)


async def test_the_store_holds_what_a_plain_recount_of_the_log_gives() -> None:
    store = MemoryRatingStore()
    async with running_ratings(rating_ports(store)) as engine:
        await engine.append(random_events(3000, bad=POISON))
        await engine.idle()
        await assert_exact(engine, store)


class TestExactness:
    @pytest.mark.parametrize("seed", range(3))
    async def test_over_stops_at_random_points(self, log: str, seed: int) -> None:
        store, chance = MemoryRatingStore(), random.Random(seed)
        for turn in range(5):
            async with running_ratings(rating_ports(store), name=log) as engine:
                await engine.append(random_events(600, seed=turn, bad=POISON))
                await asyncio.sleep(chance.random() * 0.2)
        async with running_ratings(rating_ports(store), name=log) as engine:
            await engine.idle()
            await assert_exact(engine, store)

    @pytest.mark.parametrize("seed", range(3))
    async def test_over_crashes_that_lose_what_was_not_stored(self, log: str, seed: int) -> None:
        """The database is gone for good while the worker ends: as much is lost as by a kill."""
        store, chance = MemoryRatingStore(), random.Random(seed)
        for turn in range(5):
            faulty = FaultyStore(store)
            async with running_ratings(rating_ports(faulty), name=log) as engine:
                await engine.append(random_events(600, seed=turn, bad=POISON))
                await asyncio.sleep(chance.random() * 0.2)
                faulty.away = True
        async with running_ratings(rating_ports(store), name=log) as engine:
            await engine.idle()
            await assert_exact(engine, store)

    async def test_over_rebalances(self, log: str) -> None:
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store), name=log) as engine:
            for turn in range(6):
                await engine.append(random_events(400, seed=turn, bad=POISON))
                await asyncio.sleep(0.03 * turn)
                await engine.app.consumer.rebalance()
            await engine.idle()
            await assert_exact(engine, store)

    async def test_over_outages_of_the_store(self) -> None:
        store = MemoryRatingStore()
        faulty = FaultyStore(store)
        async with running_ratings(rating_ports(faulty)) as engine:
            for turn in range(4):
                faulty.away = turn % 2 == 0
                await engine.append(random_events(400, seed=turn, bad=POISON))
                await asyncio.sleep(0.3)
            faulty.away = False
            await engine.idle()
            await assert_exact(engine, store)
            assert engine.context.metrics.total("db_errors") > 0

    async def test_over_a_commit_whose_answer_was_lost(self) -> None:
        """The save is stored, but the worker does not know: its next one finds itself fenced."""
        store = MemoryRatingStore()
        faulty = FaultyStore(store)
        async with running_ratings(rating_ports(faulty)) as engine:
            for turn in range(4):
                faulty.saves_before_lost_answer = turn
                await engine.append(random_events(300, seed=turn))
                await engine.idle()
            await assert_exact(engine, store)
            assert engine.context.metrics.total("ratings_fenced") > 0

    async def test_over_offsets_that_hold_no_record(self) -> None:
        """The end of a transaction takes an offset: nothing was lost, and nothing is read again."""
        store = LoadsCounted()
        async with running_ratings(rating_ports(store)) as engine:
            for turn in range(10):
                await engine.append(random_events(60, seed=turn))
                await engine.idle()
                if turn < 9:
                    engine.skip_an_offset()
            assert store.loads == 6
            await assert_exact(engine, store)

    async def test_with_two_workers_that_both_think_the_partitions_are_theirs(
        self, log: str
    ) -> None:
        """Two groups on one database: each is the other's zombie, all the time."""
        data = RatingData()
        one, other = MemoryRatingStore(data), MemoryRatingStore(data)
        async with (
            running_ratings(rating_ports(one), name=log, app_id="one") as engine,
            running_ratings(rating_ports(other), name=log, app_id="other") as zombie,
        ):
            for turn in range(10):
                await engine.append(random_events(200, seed=turn, bad=POISON))
                await asyncio.sleep(0.08)
            await engine.idle()
            await zombie.idle()
            await assert_exact(engine, one)

    async def test_when_the_store_was_emptied_under_the_worker(self) -> None:
        """The log is read again from where the store stands, not from where the group does."""
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store)) as engine:
            await engine.append(random_events(1000, bad=POISON))
            await engine.idle()
            await store.reset()
            await engine.append(random_events(500, seed=2))
            await poll_exact(engine, store)

    async def test_when_the_store_was_restored_from_a_backup(self, log: str) -> None:
        store, backup = MemoryRatingStore(), RatingData()
        async with running_ratings(rating_ports(store), name=log) as engine:
            await engine.append(random_events(600, bad=POISON))
            await engine.idle()
            await copy(store, MemoryRatingStore(backup))
            await engine.append(random_events(600, seed=2))
            await engine.idle()
        restored = MemoryRatingStore(backup)
        async with running_ratings(rating_ports(restored), name=log) as engine:
            await engine.append(random_events(100, seed=3))
            await poll_exact(engine, restored)

    async def test_with_a_journal_that_is_merged_meanwhile(
        self, log: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.core.ratings.segments.SMALL_BYTES", 2000)
        store, merges = MemoryRatingStore(), 0
        for turn in range(3):
            async with running_ratings(rating_ports(store), name=log) as engine:
                for part in range(6):
                    await engine.append(newer_events(500, START + 1_000_000 * (6 * turn + part)))
                    await engine.idle()
                    await asyncio.sleep(0.02)
                await poll_exact(engine, store)
        for partition in range(6):
            stored = await store.load(partition)
            again = PartitionState(partition, stored)
            merges += 16 * stored.totals.valid > again.journal_bytes
        assert merges > 0

    async def test_with_a_journal_in_many_pieces_that_is_merged_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A quiet stream: each save leaves a piece, though none is replaced."""
        monkeypatch.setattr("app.core.ratings.segments.MANY_SEGMENTS", 3)
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store)) as engine:
            for turn in range(12):
                await engine.append(random_events(60, seed=turn))
                await poll_exact(engine, store)
            await assert_exact(engine, store)

            async def few_pieces() -> bool:
                pieces = [len((await store.load(number)).segments) for number in range(6)]
                return max(pieces) <= 4

            await poll(few_pieces)
            await assert_exact(engine, store)

    async def test_whatever_the_recommender_does(self) -> None:
        class Broken(PlainRecommender):
            def __getattribute__(self, name: str) -> Any:
                if name in ("predict", "observe", "fold_in", "recommend", "reload"):
                    raise ZeroDivisionError
                return super().__getattribute__(name)

        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store, Broken())) as engine:
            await engine.append(random_events(500))
            await engine.idle()
            await assert_exact(engine, store)
            assert engine.context.metrics.total("stage_errors") > 0


# -- parts


def newer_events(count: int, start: int) -> list[tuple[bytes | None, bytes | None]]:
    """The same users rate the same movies again and again."""
    found: list[tuple[bytes | None, bytes | None]] = []
    for n in range(count):
        rating = Rating(n % 20 + 1, n % 7 + 1, (n % 10 + 1) / 2, start + n)
        found.append((rating_key(rating.userId), encode_rating(*rating)))
    return found


async def copy(source: MemoryRatingStore, target: MemoryRatingStore) -> None:
    for number, partition in source._data.partitions.items():
        target._data.partitions[number] = replace(
            partition,
            movies=dict(partition.movies),
            segments=list(partition.segments),
        )


async def poll_exact(engine: RatingsEngine, store: Any) -> None:
    """Wait until the store is where the log ends; then it must be exact."""

    async def at_the_end() -> bool:
        return all(
            [
                (await store.load(p)).next_offset == engine.log.end((engine.names.ratings, p))
                for p in range(6)
            ]
        )

    await poll(at_the_end)
    await assert_exact(engine, store)

"""The store is behind the group: it was reset or restored, and the log is read again from there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from faust.types import TP
from structlog.testing import capture_logs

from agents.ratings.loading import state_for
from agents.ratings.partitions import Partition
from agents.waits import Draining
from app.adapters.store.rating_memory import MemoryRatingStore, RatingData
from app.core.ratings.changes import Changes, StoredPartition
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    LIMITS,
    START,
    PlainRecommender,
    RatingsEngine,
    place,
    random_events,
    rating_ports,
    running_ratings,
)
from tests.flow.test_ratings import copy, poll_exact

PARTITIONS = range(6)


class SlowToLoad(MemoryRatingStore):
    """A store from which partitions come after a while, so that a chunk is there before."""

    async def load(self, partition: int) -> StoredPartition:
        await asyncio.sleep(0.1)
        return await super().load(partition)


class HeldUp(MemoryRatingStore):
    """A store that saves only while it is `free` to."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()

    async def save(self, changes: Changes) -> bool:
        await self.free.wait()
        return await super().save(changes)


async def test_a_store_that_was_reset_catches_up_though_nobody_rates(log: str) -> None:
    store = MemoryRatingStore()
    await count(store, log, 600)
    await store.reset()
    async with running_ratings(rating_ports(store), name=log) as engine:
        await poll_exact(engine, store)


async def test_all_partitions_are_asked_for_in_one_go(log: str) -> None:
    store, limits = MemoryRatingStore(), replace(LIMITS, load_seconds=2.0)
    await count(store, log, 600)
    await store.reset()
    async with running_ratings(rating_ports(store), name=log, limits=limits) as engine:
        asked = asked_of(engine)

        async def begun() -> bool:
            return bool(asked)

        async def all_asked() -> bool:
            return {tp.partition for tp, _ in asked} == set(PARTITIONS)

        await poll(begun)
        await poll(all_asked, limits.load_seconds * 0.75)


async def test_a_restored_store_catches_up_though_nobody_rates(log: str) -> None:
    store, backup = MemoryRatingStore(), MemoryRatingStore(RatingData())
    await count(store, log, 600)
    await copy(store, backup)
    await count(store, log, 600, seed=2)
    async with running_ratings(rating_ports(backup), name=log) as engine:
        await poll_exact(engine, backup)


@pytest.mark.parametrize("quiet", [False, True], ids=["rated meanwhile", "quiet"])
async def test_a_rebalance_before_the_first_chunk_skips_nothing(log: str, quiet: bool) -> None:
    """Delivery stands at what the group has committed again: the log was not asked in vain."""
    store = SlowToLoad()
    await count(store, log, 600)
    await store.reset()
    async with running_ratings(rating_ports(store), name=log) as engine:
        rebalanced = rebalance_when_first_asked(engine)
        if not quiet:
            await engine.append(random_events(100, seed=2))
        await asyncio.wait_for(rebalanced, 10)
        await poll_exact(engine, store)


async def test_a_rebalance_in_the_middle_of_it_leaves_nothing_out(log: str) -> None:
    """Nobody rates, and the state that is loaded is behind what the group has committed."""
    store = MemoryRatingStore()
    await count(store, log, 20_000)
    ends = await offsets(store)
    await store.reset()
    limits = replace(LIMITS, max_unsaved=1)  # a chunk at a time
    async with running_ratings(rating_ports(store), name=log, limits=limits) as engine:

        async def begun() -> bool:
            return any(await offsets(store))

        await poll(begun, pause=0.001)
        assert await offsets(store) != ends
        await engine.app.consumer.rebalance()
        await poll_exact(engine, store)


@pytest.mark.parametrize("quiet", [False, True], ids=["rated meanwhile", "quiet"])
async def test_what_the_log_has_no_more_is_missing_and_the_rest_is_counted(
    log: str, quiet: bool
) -> None:
    store = MemoryRatingStore()
    user = rating_key(7)
    events = [(user, encode_rating(7, movie, 4.0, START + movie)) for movie in range(1, 41)]
    async with running_ratings(rating_ports(store), name=log) as engine:
        await engine.append(events[:30])
        await engine.idle()
    await store.reset()
    with capture_logs() as logged:
        async with running_ratings(rating_ports(store), name=log) as engine:
            number, topic = place(engine, 7), engine.names.ratings
            del engine.log._records[topic, number][:20]
            if not quiet:
                await engine.append(events[30:])

            async def at_the_end() -> bool:
                stands = (await store.load(number)).next_offset
                return bool(stands == engine.log.end((topic, number)))

            await poll(at_the_end)
    assert (await store.stats()).totals.valid == (10 if quiet else 20)
    [missing] = [each for each in logged if each["event"] == "ratings_missing"]
    assert (missing["from_offset"], missing["to_offset"]) == (0, 20)


async def test_a_log_that_has_none_of_it_any_more_is_said_once(log: str) -> None:
    store = MemoryRatingStore()
    async with running_ratings(rating_ports(store), name=log) as engine:
        await engine.append([(rating_key(7), encode_rating(7, 1, 4.0, START))])
        await engine.idle()
    await store.reset()
    with capture_logs() as logged:
        for _ in range(2):
            async with running_ratings(rating_ports(store), name=log) as engine:
                number, topic = place(engine, 7), engine.names.ratings
                engine.log._records[topic, number].clear()

                async def passed(number: int = number) -> bool:
                    return (await store.load(number)).next_offset == 1

                await poll(passed)
    assert [each["event"] for each in logged].count("ratings_missing") == 1


async def test_a_chunk_behind_an_offset_without_record_is_not_asked_for_again() -> None:
    """It waits for room, and begins where the state stands, though its first record does not."""
    store, limits = HeldUp(), replace(LIMITS, max_unsaved=1)
    async with running_ratings(rating_ports(store), limits=limits) as engine:
        number = place(engine, 7)
        other = next(user for user in range(1, 40) if place(engine, user) != number)
        await engine.append(rated([7, other]))
        await engine.idle()
        asked = asked_of(engine)
        store.free.clear()
        await engine.append([(rating_key(other), encode_rating(other, 2, 4.0, START))])

        async def applied() -> bool:
            return bool(engine.context.metrics.total("ratings_valid") == 3)

        await poll(applied)  # there is no room for more until it is saved
        engine.log._ends[engine.names.ratings, number] += 1
        await engine.append([(rating_key(7), encode_rating(7, 2, 4.0, START))])
        await asyncio.sleep(5 * limits.load_seconds)
        store.free.set()
        await engine.idle()
        assert asked == []
        assert (await store.stats()).totals.valid == 4


async def test_a_state_that_is_void_meanwhile_is_not_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_ratings(rating_ports()) as engine:
        partition = Partition(0)

        async def start_of_log(*tps: TP) -> dict[TP, int]:
            partition.drop()
            return dict.fromkeys(tps, 5)

        monkeypatch.setattr(engine.app.consumer, "earliest_offsets", start_of_log)
        with pytest.raises(Draining):
            await state_for(engine.context, partition, 5, 5)


async def test_users_of_a_partition_that_a_chunk_had_loaded_are_folded_in(log: str) -> None:
    store, backup = MemoryRatingStore(), MemoryRatingStore(RatingData())
    async with running_ratings(rating_ports(store), name=log) as engine:
        here = [user for user in range(1, 200) if place(engine, user) == place(engine, 7)]
        early, late, new = here[:10], here[10:20], here[20:25]
        await engine.append(rated(early))
        await engine.idle()
        await copy(store, backup)
        await engine.append(rated(late))
        await engine.idle()
    recommender, limits = PlainRecommender(), replace(LIMITS, load_seconds=1000.0)
    async with running_ratings(
        rating_ports(backup, recommender), name=log, limits=limits
    ) as engine:
        await engine.append(rated(new))

        async def folded_in() -> bool:
            return set(recommender.folded) >= {*early, *late, *new}

        await poll(folded_in)


# -- parts


async def count(store: Any, log: str, events: int, seed: int = 1) -> None:
    """Let a worker count so many events more, and stop."""
    async with running_ratings(rating_ports(store), name=log) as engine:
        await engine.append(random_events(events, seed=seed))
        await engine.idle()


async def offsets(store: MemoryRatingStore) -> list[int]:
    return [(await store.load(number)).next_offset for number in PARTITIONS]


def rated(users: list[int]) -> list[tuple[bytes | None, bytes | None]]:
    return [(rating_key(user), encode_rating(user, 1, 3.0, START)) for user in users]


def asked_of(engine: RatingsEngine) -> list[tuple[TP, int]]:
    """Return what the log is asked for from now on."""
    consumer, asked = engine.app.consumer, []
    deliver_from = consumer.deliver_from

    def noted(tp: TP, offset: int) -> None:
        asked.append((tp, offset))
        deliver_from(tp, offset)

    consumer.deliver_from = noted
    return asked


def rebalance_when_first_asked(engine: RatingsEngine) -> asyncio.Future[None]:
    """Rebalance as soon as the log was asked; the future is done when that is over."""
    consumer, done = engine.app.consumer, asyncio.get_running_loop().create_future()
    deliver_from = consumer.deliver_from

    async def rebalance() -> None:
        await consumer.rebalance()
        done.set_result(None)

    def asked(tp: TP, offset: int) -> None:
        deliver_from(tp, offset)
        consumer.deliver_from = deliver_from
        consumer.add_future(rebalance())

    consumer.deliver_from = asked
    return done

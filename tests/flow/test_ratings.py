"""The ratings pipeline on the in-memory transport: exact whatever happens, and nothing lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from app.adapters.store.rating_memory import MemoryRatingStore, RatingData
from app.core.ratings.changes import StoredPartition
from app.core.ratings.events import Rating
from app.core.ratings.state import PartitionState
from app.transports import close_storage
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    LIMITS,
    READER,
    START,
    FaultyStore,
    PlainRecommender,
    RatingsEngine,
    assert_exact,
    random_events,
    rating_ports,
    running_ratings,
)
from tests.wire.rating_poison import BAD


class LoadsCounted(MemoryRatingStore):
    """A store that says how often it was asked for a partition."""

    loads = 0

    async def load(self, partition: int) -> StoredPartition:
        self.loads += 1
        return await super().load(partition)


POISON = [
    (key, value) for key, value, _ in BAD.values() if len(key or b"") + len(value or b"") < 100_000
]
GOOD = (rating_key(7), encode_rating(7, 32, 3.5, START))


@pytest.fixture
def log() -> Iterator[str]:
    """The name of a memory log that outlives a worker."""
    name = uuid4().hex
    yield name
    close_storage(f"memory://{name}")


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


async def test_users_whose_recommendations_failed_get_them_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.ratings.recommending._REST_SECONDS", 0.05)

    class FailsTwice(PlainRecommender):
        failures = 0

        def recommend(self, *arguments: Any, **options: Any) -> Any:
            if self.failures < 2:
                self.failures += 1
                raise ZeroDivisionError
            return super().recommend(*arguments, **options)

    store, recommender = MemoryRatingStore(), FailsTwice()
    async with running_ratings(rating_ports(store, recommender)) as engine:
        await engine.append(random_events(200))
        await engine.idle()
        users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
        await has_models(store, users, "plain")
    assert recommender.failures == 2


class TestDelivery:
    async def test_nothing_is_acknowledged_before_it_is_stored(self) -> None:
        faulty = FaultyStore(MemoryRatingStore())
        async with running_ratings(rating_ports(faulty)) as engine:
            await engine.append([GOOD])
            await engine.idle()
            faulty.away = True
            await engine.append(random_events(200, bad=POISON))

            async def tried() -> bool:
                return bool(engine.context.metrics.total("db_errors") > 2)

            await poll(tried)
            assert engine.unacknowledged() >= 200
            faulty.away = False
            await engine.idle()

    async def test_an_outage_fills_no_memory(self) -> None:
        """Beyond a bound no more is taken: the log keeps it."""
        faulty = FaultyStore(MemoryRatingStore())
        limits = replace(LIMITS, max_unsaved=300)
        async with running_ratings(rating_ports(faulty), limits=limits) as engine:
            await engine.append([GOOD])
            await engine.idle()
            faulty.away = True
            for turn in range(20):
                await engine.append(random_events(100, seed=turn))
                await asyncio.sleep(0.03)
            valid = engine.context.metrics.total("ratings_valid")
            repeats = engine.context.metrics.total("ratings_duplicate")
            stale = engine.context.metrics.total("ratings_stale")
            assert valid + repeats + stale < 1000
            faulty.away = False
            await engine.idle()
            await assert_exact(engine, faulty.inner)

    async def test_an_outage_holds_up_neither_a_rebalance_nor_a_stop(self) -> None:
        faulty = FaultyStore(MemoryRatingStore())
        async with running_ratings(rating_ports(faulty)) as engine:
            await engine.append(random_events(200))
            faulty.away = True
            await engine.append(random_events(200))
            await asyncio.wait_for(engine.app.consumer.rebalance(), 10)
            await asyncio.wait_for(engine.app.stop(), 10)

    async def test_a_stop_stores_what_is_there_at_once(self, log: str) -> None:
        store = MemoryRatingStore()
        limits = replace(LIMITS, flush_seconds=1000.0)
        async with running_ratings(rating_ports(store), name=log, limits=limits) as engine:
            await engine.append([GOOD])
            await engine.idle()  # the first save has nothing to wait for
            await engine.append([(rating_key(8), encode_rating(8, 1, 4.0, START))])

            async def applied() -> bool:
                return bool(engine.context.metrics.total("ratings_valid") == 2)

            await poll(applied)
            assert (await store.stats()).totals.valid == 1
        assert (await store.stats()).totals.valid == 2

    async def test_good_ratings_are_not_delayed_by_garbage(self) -> None:
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store)) as engine:
            await engine.append([(b"1", b"garbage")] * 20_000)
            others = [user for user in range(2, 40) if place(engine, user) != place(engine, 1)]
            await engine.append([(rating_key(u), encode_rating(u, 1, 4.0, START)) for u in others])

            async def stored() -> bool:
                return (await store.stats()).totals.valid == len(others)

            await poll(stored)
            rejected = (await store.stats()).totals.rejected.get("malformed", 0)
            assert rejected < 20_000, "the good ones waited for all of the garbage"
            await engine.idle()
            await assert_exact(engine, store)

    async def test_a_log_that_was_replaced_is_not_skipped_in_silence(self, log: str) -> None:
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store), name=log) as engine:
            await engine.append([GOOD] * 50)
            await engine.idle()
        close_storage(f"memory://{log}")
        async with running_ratings(rating_ports(store), name=log) as engine:
            await engine.append([GOOD] * 10)

            async def refusing() -> str:
                return str(engine.context.refusing() or "")

            reason = await poll(refusing)
            assert "answerloop ratings reset" in reason
            assert "but ratings up to 50 are stored" in reason
            assert engine.unacknowledged() == 10
            await engine.append([GOOD] * 50)
            await engine.app.consumer.rebalance()
            await engine.idle()
            assert engine.context.refusing() is None


class TestDeadLetters:
    async def test_every_bad_event_is_one_with_its_origin_and_bytes(self) -> None:
        store = MemoryRatingStore()
        poison = [(key, value, rule) for key, value, rule in BAD.values()]
        async with running_ratings(rating_ports(store)) as engine:
            for key, value, _ in poison:
                if len(value or b"") < 1_000_000:
                    await engine.append([(key, value), GOOD])
            await engine.idle()
            raws = [
                raw
                for raw in engine.messages(engine.names.ratings)
                if not hasattr(READER.read(raw.key, raw.value), "userId")
            ]
            letters = {
                (each.origin_partition, each.origin_offset): each for each in engine.letters()
            }
            assert len(letters) == len(raws) == len(engine.letters())
            for raw in raws:
                letter = letters[raw.partition, raw.offset]
                assert letter.origin_topic == engine.names.ratings
                assert letter.value == raw.value
                assert letter.key == (None if raw.key is None else raw.key[:1000])
                refusal: Any = READER.read(raw.key, raw.value)
                assert letter.cause == f"rating_{refusal.rule.value}"
                assert letter.detail == refusal.detail
                assert letter.first_seen_at == pytest.approx(raw.timestamp)
            counted = engine.context.metrics.labelled("ratings_rejected")
            assert counted == (await store.stats()).totals.rejected
            assert engine.context.metrics.labelled("dead_letters") == {
                f"rating_{rule}": count for rule, count in counted.items()
            }


class TestRecommendations:
    async def test_a_user_who_rated_gets_the_best_unseen_ones(self) -> None:
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store)) as engine:
            await engine.append([(rating_key(7), encode_rating(7, 2, 4.0, START))])

            async def stored() -> Any:
                return await store.recommendation(7)

            found = await poll(stored)
            movies = [movie.movie_id for movie in found.movies]
            assert movies == [1, *range(3, LIMITS.stored_movies + 1)]
            assert (found.model, found.ratings) == ("plain", 1)
            [published] = engine.recommendations()
            assert [movie.movieId for movie in published.movies] == movies[:10]
            assert (published.userId, published.ratings) == (7, 1)
            assert engine.messages(engine.names.recommendations)[0].key == b"7"

    async def test_many_ratings_of_a_user_become_few_recommendations(self) -> None:
        async with running_ratings(rating_ports()) as engine:
            await engine.append(
                [(rating_key(7), encode_rating(7, n, 4.0, START + n)) for n in range(1, 500)]
            )
            await engine.idle()

            async def last() -> bool:
                return any(each.ratings == 499 for each in engine.recommendations())

            await poll(last)
            assert len(engine.recommendations()) < 100

    async def test_a_newer_model_is_taken_up_and_everybody_is_folded_in_anew(self) -> None:
        store, recommender = MemoryRatingStore(), PlainRecommender()
        async with running_ratings(rating_ports(store, recommender)) as engine:
            await engine.append(random_events(300))
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            await has_models(store, users, "plain")
            recommender.newer = "better"
            await has_models(store, users, "better")

    async def test_users_of_a_partition_that_went_to_another_worker_are_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, recommender = MemoryRatingStore(), PlainRecommender()
        async with running_ratings(rating_ports(store, recommender)) as engine:
            await engine.append(random_events(300))
            await engine.idle()
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            await has_models(store, users, "plain")
            gone = place(engine, 7)
            for module in ("flushing", "statistics"):
                monkeypatch.setattr(
                    f"agents.ratings.{module}.owned", lambda _: {*range(6)} - {gone}
                )

            async def forgotten() -> bool:
                return set(recommender.forgotten) == {u for u in users if place(engine, u) == gone}

            await poll(forgotten)

    async def test_after_a_crash_nobody_is_forgotten(self, log: str) -> None:
        """Recommendations that were due when the worker died are made by the next."""
        store = MemoryRatingStore()
        never = replace(LIMITS, recommend_seconds=1000.0)
        async with running_ratings(rating_ports(store), name=log, limits=never) as engine:
            await engine.append(random_events(200))
            await engine.idle()
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            assert await store.users_with_recommendations() == 0
        async with running_ratings(rating_ports(store), name=log) as engine:
            await has_models(store, users, "plain")


async def test_figures_are_published_and_watched() -> None:
    async with running_ratings(rating_ports()) as engine:
        await engine.append([*random_events(300), (b"1", b"garbage")])
        await engine.idle()

        async def told() -> bool:
            return bool(sum(each.rejected.get("malformed", 0) for each in engine.metrics()) == 1)

        await poll(told)
        valid = engine.context.metrics.total("ratings_valid")
        assert sum(each.valid for each in engine.metrics()) == valid > 0
        last = engine.metrics()[-1]
        assert (last.partitions, last.model, last.lag) == (6, "plain", 0)
        assert any(each.rmse for each in engine.metrics())

        async def all_covered() -> bool:
            return engine.metrics()[-1].coverage == 1.0

        await poll(all_covered)
        [key] = {raw.key for raw in engine.messages(engine.names.metrics)}
        assert key == engine.context.owner.encode()
        shown = engine.context.metrics.as_json()
        assert shown["ratings_rejected_by_rule"] == {"malformed": 1}
        assert shown["rating_rmse"] > 0
        assert 0 < shown["rating_latency_p50"] <= shown["rating_latency_p99"]


# -- parts


def read(raw: Any) -> Any:
    return READER.read(raw.key, raw.value)


def place(engine: RatingsEngine, user: int) -> int:
    return int(engine.log.partition_for(engine.names.ratings, rating_key(user)))


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


async def has_models(store: Any, users: set[int], model: str) -> None:
    async def done() -> bool:
        found = [await store.recommendation(user) for user in users]
        return all(each is not None and each.model == model for each in found)

    await poll(done)


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

"""Events of the ratings: acknowledged when they are stored, bounded while that is not possible."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from app.adapters.store.rating_memory import MemoryRatingStore
from app.transports import close_storage
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    LIMITS,
    POISON,
    READER,
    START,
    FaultyStore,
    assert_exact,
    place,
    random_events,
    rating_ports,
    running_ratings,
)
from tests.wire.rating_poison import BAD

GOOD = (rating_key(7), encode_rating(7, 32, 3.5, START))


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

    async def test_one_that_its_topic_does_not_take_is_cut_until_it_does(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, poison = MemoryRatingStore(), b"x" * 800_000
        async with running_ratings(rating_ports(store)) as engine:
            producer = await engine.app.maybe_start_producer()
            send = producer.send

            async def refusing_large(topic: str, key: Any, value: Any, *rest: Any) -> Any:
                if topic == engine.names.dead_letters and len(value) > 200_000:
                    raise MessageSizeTooLargeError
                return await send(topic, key, value, *rest)

            monkeypatch.setattr(producer, "send", refusing_large)
            await engine.append([(rating_key(7), poison), (rating_key(7), b"short"), GOOD])
            await engine.idle(20.0)
            letters = sorted(engine.letters(), key=lambda each: each.origin_offset)
            await assert_exact(engine, store)
        assert [each.cause for each in letters] == ["rating_malformed"] * 2
        assert letters[0].value == poison[: len(letters[0].value)]
        assert 70_000 < len(letters[0].value) < 150_000
        assert letters[0].detail.count("the topic takes no larger message") == 1
        assert letters[1].value == b"short"

"""The ratings' state on a PostgreSQL that is away, slow, killed: unavailable, and never half."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator

import pytest

from app.adapters.store.postgres import rating_segments
from app.adapters.store.postgres.pool import Limits
from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.core.ratings.changes import Totals
from app.errors import StoreUnavailable
from tests.adapters.store.postgres_faults import QUICK, terminate_others, until_it_works
from tests.adapters.store.rating_facts import changes, movie, recommendation, segment
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresRatingStore]:
    store = PostgresRatingStore(postgres_dsn, limits=QUICK)
    yield store
    await store.close()


async def test_constructing_connects_nothing() -> None:
    store = PostgresRatingStore("postgresql://app:s3cret@127.0.0.1:1/nowhere")
    assert "s3cret" not in repr(store)
    with pytest.raises(StoreUnavailable):
        await store.open()
    await store.close()


async def test_every_method_says_that_the_server_is_away_and_works_when_it_is_back(
    postgres_server: PostgresServer, store: PostgresRatingStore
) -> None:
    body = segment((1, 7, 1, 9))
    await store.save(changes(next_offset=5, movies=[movie(7)], segment=body))
    postgres_server.stop()
    try:
        for use in (
            store.open,
            lambda: store.load(0),
            lambda: store.save(changes(5, 6)),
            lambda: store.merge(0, 5, [body]),
            store.stats,
            lambda: store.movie(7),
            lambda: store.popular(3),
            lambda: store.recommendation(1),
            store.users_with_recommendations,
            store.check,
            store.reset,
        ):
            with pytest.raises(StoreUnavailable):
                await use()
    finally:
        postgres_server.start()
    assert await until_it_works(lambda: store.save(changes(5, 6, movies=[movie(7)])))
    assert await store.merge(0, 5, [body])


async def test_a_database_without_tables_says_how_to_make_them(empty_postgres_dsn: str) -> None:
    store = PostgresRatingStore(empty_postgres_dsn)
    with pytest.raises(StoreUnavailable, match="db migrate"):
        await store.load(0)
    await store.close()


async def test_a_server_that_hangs_is_unavailable(
    postgres_server: PostgresServer, store: PostgresRatingStore
) -> None:
    await store.save(changes())
    postgres_server.pause()
    try:
        for use in (lambda: store.load(0), lambda: store.save(changes(1, 2)), store.stats):
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(use(), 30)
    finally:
        postgres_server.resume()
    await until_it_works(store.stats)


async def test_saves_that_break_are_there_whole_or_not_at_all(
    postgres_dsn: str, store: PostgresRatingStore
) -> None:
    """Connections are cut in the middle; who got no reply loads, and goes on from there."""
    movies = [movie(n) for n in range(1, 200)]
    draw = random.Random(7)
    step, broken = 0, 0
    while broken < 10:
        at = step
        saved = changes(
            at,
            at + 1,
            totals=Totals(valid=at + 1),
            movies=[each._replace(ratings=at + 1) for each in movies],
            segment=segment((1, at + 1, 1, 1)),
            recommendations=[recommendation(1, model=f"{at + 1}")],
        )
        saving = asyncio.create_task(store.save(saved))
        await asyncio.sleep(draw.uniform(0, 0.01))
        await terminate_others(postgres_dsn)
        try:
            assert await saving
            step += 1
        except StoreUnavailable:
            broken += 1
            found = await until_it_works(lambda: store.load(0))
            assert found.next_offset in (at, at + 1)
            assert found.totals.valid == found.next_offset == len(found.segments)
            assert {each.ratings for each in found.movies} <= {found.next_offset}
            step = found.next_offset
    found = await until_it_works(lambda: store.load(0))
    assert (found.next_offset, found.totals.valid, len(found.segments)) == (step, step, step)


async def test_long_segments_are_cut_at_their_rows(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement carries some megabytes at most, and each part is a segment of its own."""
    monkeypatch.setattr(rating_segments, "PART_BYTES", 64)
    store = PostgresRatingStore(postgres_dsn)
    long, short, longer = os.urandom(160), os.urandom(16), os.urandom(320)
    await store.save(changes(0, 10, segment=long))
    await store.save(changes(10, 11, segment=short))
    found = await store.load(0)
    assert [len(each) for each in found.segments] == [64, 64, 32, 16]
    assert b"".join(found.segments) == long + short
    assert await store.merge(0, 11, [longer, short])
    found = await store.load(0)
    assert [len(each) for each in found.segments] == [64] * 5 + [16]
    assert b"".join(found.segments) == longer + short
    await store.close()


async def test_many_small_segments_are_read_by_the_thousand(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rating_segments, "PART_SEGMENTS", 3)
    store = PostgresRatingStore(postgres_dsn)
    bodies = tuple(segment((1, at + 1, 1, 1)) for at in range(10))
    for at, body in enumerate(bodies):
        await store.save(changes(at, at + 1, segment=body))
    assert (await store.load(0)).segments == bodies
    assert await store.merge(0, 10, bodies[-1:])
    assert (await store.load(0)).segments == bodies[-1:]
    await store.close()


async def test_a_slow_merge_does_not_hold_up_saves(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresRatingStore(postgres_dsn, limits=Limits(lock_seconds=0.2))
    for at in range(3):
        await store.save(changes(at, at + 1, segment=segment((1, at + 1, 1, 1))))
    deleted, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: object, *rest: object) -> object:
        try:
            return await merge_segments(connection, *rest)  # type: ignore[arg-type]
        finally:
            deleted.set()
            await go_on.wait()

    merge_segments = rating_segments.merge_segments
    monkeypatch.setattr(rating_segments, "merge_segments", slowly)
    merging = asyncio.create_task(store.merge(0, 3, [segment((1, 3, 1, 1))]))
    await deleted.wait()
    assert await store.save(changes(3, 4, segment=segment((1, 4, 1, 1))))
    assert len((await store.load(0)).segments) == 4, "the old ones, until the merge is committed"
    go_on.set()
    assert await merging
    assert len((await store.load(0)).segments) == 2
    await store.close()

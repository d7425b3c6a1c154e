"""Locked rows and batch mates: nobody pays for what another row suffers, and nobody deadlocks."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import Status, Turn
from app.errors import InputError, RowLocked
from app.ports import Claimed, Waiting
from tests.adapters.store.contract_facts import (
    FIRST,
    VERDICT,
    accepted,
    answer,
    call,
    ending,
    failure,
    request,
)
from tests.adapters.store.postgres_faults import QUICK

pytestmark = pytest.mark.postgres


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn, limits=QUICK)
    yield store
    await store.close()


async def test_a_locked_row_does_not_hold_up_its_batch_mates(
    postgres_dsn: str, store: PostgresStore
) -> None:
    await store.accept([accepted(f"q{n}") for n in range(20)])
    holder = await asyncpg.connect(postgres_dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT 1 FROM questions WHERE question_id = 'q7' FOR UPDATE")
    started = time.monotonic()
    results = await asyncio.gather(
        *(store.waiting([Waiting(f"q{n}", FIRST, 1.0, "overloaded")]) for n in range(16)),
        return_exceptions=True,
    )
    assert time.monotonic() - started < 5
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [7]
    assert isinstance(results[7], RowLocked)
    await held.rollback()
    await holder.close()
    await store.waiting([Waiting("q7", FIRST, 1.0, "overloaded")])
    assert await store.counts() == {Status.WAITING: 16, Status.ACCEPTED: 4}


async def test_a_locked_call_does_not_cost_the_others_their_leases(
    postgres_dsn: str, store: PostgresStore
) -> None:
    for number in range(3):
        await store.claim(request(f"q{number}"))
    holder = await asyncpg.connect(postgres_dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT 1 FROM attempts WHERE question_id = 'q1' FOR UPDATE")
    assert await store.renew("worker-1", 60, time.time()) == 2
    await held.rollback()
    await holder.close()
    assert await store.renew("worker-1", 60, time.time()) == 3


async def test_a_row_that_stays_locked_is_not_waited_for_by_every_batch(postgres_dsn: str) -> None:
    """Whoever needs it comes again and again: what shares a batch with it would stand still."""
    patient = PostgresStore(postgres_dsn, limits=replace(QUICK, command_seconds=5, lock_seconds=2))
    await patient.accept([accepted(f"q{n}") for n in range(200)])
    holder = await asyncpg.connect(postgres_dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT 1 FROM questions WHERE question_id = 'q7' FOR UPDATE")
    with pytest.raises(RowLocked):
        await patient.waiting([Waiting("q7", FIRST, 1.0, "overloaded")])
    for _ in range(3):
        started = time.monotonic()
        again, *_ = await asyncio.gather(
            patient.waiting([Waiting("q7", FIRST, 1.0, "overloaded")]),
            *(patient.claim(request(f"q{n}")) for n in range(200) if n != 7),
            return_exceptions=True,
        )
        assert isinstance(again, RowLocked)
        assert time.monotonic() - started < 2, "less than one wait for a lock"
    await holder.execute("LOCK TABLE questions")
    started = time.monotonic()
    results = await asyncio.gather(
        *(patient.claim(request(f"q{n}", owner="worker-2")) for n in range(200)),
        return_exceptions=True,
    )
    assert {type(result) for result in results} == {RowLocked}
    assert time.monotonic() - started < 10, "200 rows one by one"
    await held.rollback()
    await holder.close()
    await patient.close()


async def test_a_value_that_is_refused_does_not_hurt_its_batch_mates(store: PostgresStore) -> None:
    good = [store.accept([accepted(f"q{n}")]) for n in range(10)]
    bad = store.accept([accepted("bad", Turn(0, 1, 2**40))])
    results = await asyncio.gather(*good, bad, return_exceptions=True)
    assert results[:10] == [set()] * 10
    assert isinstance(results[10], InputError)
    assert await store.counts() == {Status.ACCEPTED: 10}


async def test_two_hundred_at_once_make_few_commits(
    postgres_dsn: str, store: PostgresStore
) -> None:
    await store.accept([accepted(f"q{n}") for n in range(200)])
    connection = await asyncpg.connect(postgres_dsn)
    before = await commits(connection)
    await asyncio.gather(*(store.claim(request(f"q{n}")) for n in range(200)))
    await asyncio.gather(
        *(store.record_answer(call(f"q{n}"), "worker-1", answer()) for n in range(200))
    )
    await asyncio.gather(*(store.record_verdict(call(f"q{n}"), VERDICT) for n in range(200)))
    await asyncio.gather(*(store.finish([ending(f"q{n}")]) for n in range(200)))
    after = await commits(connection)
    await connection.close()
    assert await store.counts() == {Status.VALIDATED: 200}
    assert after - before <= 20


async def commits(connection: asyncpg.Connection) -> int:
    """Return the number of write transactions of the server so far."""
    return int(await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


async def test_workers_on_the_same_rows_never_deadlock(postgres_dsn: str) -> None:
    before = await deadlocks(postgres_dsn)
    stores = [PostgresStore(postgres_dsn) for _ in range(4)]
    ids = [f"q{n:02}" for n in range(30)]
    await stores[0].accept([accepted(each) for each in ids])

    async def work(number: int, store: PostgresStore) -> list[tuple[str, Turn]]:
        owner, draw, won = f"worker-{number}", random.Random(number), []
        for turn in (Turn(0, 1, attempt) for attempt in range(1, 6)):
            order = draw.sample(ids, len(ids))
            claims = await asyncio.gather(
                *(store.claim(request(each, turn, owner)) for each in order),
                store.renew(owner, 60, time.time()),
                store.accept([accepted(each, turn) for each in reversed(order)]),
                store.waiting([Waiting(each, turn, 1.0, "overloaded") for each in order]),
            )
            mine = [each for each, claim in zip(order, claims, strict=False) if claim == Claimed()]
            won += [(each, turn) for each in mine]
            await asyncio.gather(
                *(store.record_answer(call(each, turn), owner, answer()) for each in mine[::2]),
                *(store.record_failure(call(each, turn), owner, failure()) for each in mine[1::2]),
                *(store.record_verdict(call(each, turn), VERDICT) for each in order),
                store.finish([ending(each, turn) for each in draw.sample(ids, 2)]),
            )
        return won

    per_worker = await asyncio.gather(*(work(n, store) for n, store in enumerate(stores)))
    won = [call for calls in per_worker for call in calls]
    assert len(won) == len(set(won)), "each call has one winner"
    assert {each for each, _ in won} == set(ids)
    for store in stores:
        await store.close()
    assert await deadlocks(postgres_dsn) == before


async def deadlocks(dsn: str) -> int:
    """Return how many deadlocks the server found in a database."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(
            await connection.fetchval(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
        )
    finally:
        await connection.close()


async def test_workers_whose_locks_cross_both_get_through(postgres_dsn: str) -> None:
    """A deadlock that a foreign program causes is retried inside."""
    store = PostgresStore(postgres_dsn)
    await store.accept([accepted("a"), accepted("b")])
    foreign = await asyncpg.connect(postgres_dsn)
    held = foreign.transaction()
    await held.start()
    await foreign.execute("SELECT 1 FROM questions WHERE question_id = 'b' FOR UPDATE")
    waits = asyncio.create_task(
        store.waiting([Waiting(each, FIRST, 1.0, "overloaded") for each in "ab"])
    )
    await locked_out(postgres_dsn)
    try:
        await foreign.execute("SELECT 1 FROM questions WHERE question_id = 'a' FOR UPDATE")
        await held.commit()
    except asyncpg.DeadlockDetectedError:
        await held.rollback()
    await waits
    await foreign.close()
    assert await store.counts() == {Status.WAITING: 2}
    await store.close()


async def locked_out(dsn: str) -> None:
    """Return when some statement waits for a lock."""
    connection = await asyncpg.connect(dsn)
    deadline = time.monotonic() + 10
    while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await connection.close()

"""PostgreSQL that is away, slow, locked, killed: unavailable soon, and right again by itself."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from app.adapters.store.postgres.pool import Limits, PostgresPool
from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import Status, Turn, supersedes
from app.core.questions import CallKey
from app.errors import InputError, RowLocked, SettingsError, StoreUnavailable
from app.ports import Busy, Claimed, Waiting
from tests.adapters.store.contract_facts import (
    FIRST,
    VERDICT,
    accepted,
    answer,
    call,
    ending,
    failure,
    request,
    stored,
)
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.postgres

QUICK = Limits(
    connect_seconds=1.0,
    acquire_seconds=1.0,
    command_seconds=1.0,
    lock_seconds=0.3,
    idle_in_transaction_seconds=1.0,
)


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn, limits=QUICK)
    yield store
    await store.close()


async def until_it_works(call_it: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Call until the store is there again, by itself."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call_it()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def test_the_order_in_sql_is_the_order_of_the_lifecycle(postgres_dsn: str) -> None:
    turns = [Turn(*each) for each in itertools.product((0, 1, 2), repeat=3)]
    states = list(itertools.product(turns, Status))
    cases = [(*old, *new) for old, new in itertools.product(states, states)]
    rows = [(*old, str(was), *new, str(now)) for old, was, new, now in cases]
    connection = await asyncpg.connect(postgres_dsn)
    found = await connection.fetch(
        "SELECT answerloop_supersedes(a, b, c, d, e, f, g, h) AS replaces"
        " FROM unnest($1::int[], $2::int[], $3::int[], $4::text[],"
        " $5::int[], $6::int[], $7::int[], $8::text[]) AS t (a, b, c, d, e, f, g, h)",
        *map(list, zip(*rows, strict=True)),
    )
    await connection.close()
    wrong = [
        case
        for case, row in zip(cases, found, strict=True)
        if row["replaces"] is not supersedes(*case)
    ]
    assert wrong == []


async def test_constructing_connects_nothing_and_a_closed_store_refuses() -> None:
    store = PostgresStore("postgresql://app@127.0.0.1:1/nowhere")
    await store.close()
    with pytest.raises(RuntimeError):
        await store.claim(request())


async def test_a_store_that_could_not_open_works_when_the_server_comes(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    postgres_server.stop()
    try:
        for use in (store.open, store.check, store.counts, lambda: store.claim(request())):
            with pytest.raises(StoreUnavailable):
                await use()
    finally:
        postgres_server.start()
    assert await store.claim(request()) == Claimed()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_goes_in_the_middle_loses_nothing(
    postgres_server: PostgresServer, store: PostgresStore, how: str
) -> None:
    done: set[int] = set()
    halfway = asyncio.Event()

    async def work(numbers: range) -> None:
        for number in numbers:
            await until_it_works(partial(store.accept, [accepted(f"q{number}")]))
            done.add(number)
            if len(done) == 200:
                halfway.set()

    tasks = [asyncio.create_task(work(range(n, 400, 8))) for n in range(8)]
    await halfway.wait()
    if how == "kill":
        await asyncio.to_thread(postgres_server.kill)
    await asyncio.to_thread(postgres_server.restart)
    await asyncio.gather(*tasks)
    assert await store.counts() == {Status.ACCEPTED: 400}


async def test_a_server_that_hangs_is_unavailable_within_seconds(
    postgres_server: PostgresServer, postgres_dsn: str
) -> None:
    store = PostgresStore(postgres_dsn, limits=replace(QUICK, command_seconds=2.0))
    await store.accept([accepted()])
    postgres_server.pause()
    try:
        started = time.monotonic()
        results = await asyncio.gather(
            store.accept([accepted("other")]),
            store.claim(request()),
            store.question("q"),
            store.counts(),
            store.check(),
            store.finish([ending()]),
            return_exceptions=True,
        )
        assert time.monotonic() - started < 3.5  # one time-out, not one more for giving up
        assert {type(result) for result in results} == {StoreUnavailable}
    finally:
        postgres_server.resume()
    assert await until_it_works(lambda: store.claim(request())) in (Claimed(), Busy("worker-1"))
    await until_it_works(store.counts)
    await store.close()


async def terminate_others(dsn: str) -> None:
    """P2: end every other connection to this database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


async def test_terminated_backends_never_cost_an_answer_or_a_second_flight(
    postgres_dsn: str, store: PostgresStore
) -> None:
    flights: Counter[CallKey] = Counter()
    finished: list[str] = []
    terminations = 0

    async def question(number: int) -> None:
        key = call(f"q{number}")
        await until_it_works(lambda: store.accept([accepted(key.question_id)]))
        while True:
            claim = await until_it_works(lambda: store.claim(request(key.question_id)))
            if not isinstance(claim, Busy):
                break
            await asyncio.sleep(0.02)
        assert claim == Claimed()
        flights[key] += 1
        await until_it_works(lambda: store.record_answer(key, "worker-1", answer(str(number))))
        assert await until_it_works(lambda: store.record_verdict(key, VERDICT)) == VERDICT
        await until_it_works(lambda: store.finish([ending(key.question_id)]))
        finished.append(key.question_id)

    async def worker(first: int) -> None:
        for number in itertools.count(first, 16):
            if number >= 320 and terminations >= 5:
                return
            await question(number)

    async def saboteur() -> None:
        nonlocal terminations
        while True:
            await terminate_others(postgres_dsn)
            terminations += 1
            await until_it_works(lambda: store.renew("worker-1", 60, time.time()))
            await asyncio.sleep(0.2)

    sabotage = asyncio.create_task(saboteur())
    await asyncio.gather(*(worker(n) for n in range(16)))
    sabotage.cancel()
    await until_it_works(store.check)
    assert len(finished) >= 320
    assert set(flights.values()) == {1}
    assert await store.counts() == {Status.VALIDATED: len(finished)}
    for question_id in finished[::64]:
        [attempt] = (await stored(store, question_id)).attempts
        assert f"q{attempt.answer}" == question_id


class BrokenAfterCommit(PostgresPool):
    """Commits, and loses the connection before the reply: what a caller can't tell from nothing."""

    broken = False

    async def run(self, work: Any, **options: Any) -> Any:
        result = await super().run(work, **options)
        if self.broken:
            self.broken = False
            raise StoreUnavailable("the connection broke after the commit")
        return result


async def test_a_claim_whose_reply_was_lost_is_not_in_its_owners_way(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.store.postgres.store.PostgresPool", BrokenAfterCommit)
    store = PostgresStore(postgres_dsn)
    store._pool.broken = True  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await store.claim(request())
    other = PostgresStore(postgres_dsn)
    assert await other.claim(request(owner="worker-2")) == Busy("worker-1")
    assert await store.claim(request()) == Claimed()
    assert await store.claim(request()) == Busy("worker-1")
    await store.close()
    await other.close()


async def test_a_claim_nobody_got_is_not_renewed_but_given_back(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.store.postgres.store.PostgresPool", BrokenAfterCommit)
    store = PostgresStore(postgres_dsn)
    await store.claim(request("mine"))
    store._pool.broken = True  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await store.claim(request("lost"))
    assert await store.renew("worker-1", 60, time.time()) == 1
    other = PostgresStore(postgres_dsn)
    assert await other.claim(request("lost", owner="worker-2")) == Claimed()
    assert await other.claim(request("mine", owner="worker-2")) == Busy("worker-1")
    await store.close()
    await other.close()


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


async def test_a_database_without_tables_says_how_to_make_them(empty_postgres_dsn: str) -> None:
    store = PostgresStore(empty_postgres_dsn)
    with pytest.raises(StoreUnavailable, match="db migrate"):
        await store.accept([accepted()])
    await store.close()


async def test_the_password_is_in_no_error_and_no_repr() -> None:
    store = PostgresStore("postgresql://app:s3cret-canary@127.0.0.1:1/nowhere?sslmode=disable")
    with pytest.raises(StoreUnavailable) as caught:
        await store.open()
    cause = caught.value.__cause__
    assert "canary" not in f"{store!r} {caught.value} {cause!r} {cause}"
    bad = PostgresStore("postgresql://app:s3cret-canary@host:port/nowhere")
    with pytest.raises(SettingsError) as refused:
        await bad.open()
    assert "canary" not in f"{bad!r} {refused.value} {refused.value.__cause__!r}"

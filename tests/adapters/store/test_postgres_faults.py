"""PostgreSQL that is away, hangs or is killed: unavailable soon, and right again by itself."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from app.adapters.store.postgres.pool import PostgresPool
from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import Status, Turn, supersedes
from app.core.questions import CallKey
from app.errors import SettingsError, StoreUnavailable
from app.ports import Busy, Claimed
from tests.adapters.store.contract_facts import (
    VERDICT,
    accepted,
    answer,
    call,
    ending,
    request,
    stored,
)
from tests.adapters.store.postgres_faults import QUICK, terminate_others, until_it_works
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_dsn, limits=QUICK)
    yield store
    await store.close()


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


class BrokenBefore(PostgresPool):
    """Has lost the connection before anything was done."""

    broken = False

    async def run(self, work: Any, **options: Any) -> Any:
        if self.broken:
            self.broken = False
            raise StoreUnavailable("the connection is gone")
        return await super().run(work, **options)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("own", [False, True])
async def test_a_claim_that_could_not_be_given_back_is_not_kept_by_renewals(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, made: bool, own: bool
) -> None:
    monkeypatch.setattr("app.adapters.store.postgres.store.PostgresPool", BrokenBefore)
    store = PostgresStore(postgres_dsn)
    await store.accept([accepted()])
    await store.claim(request())
    store._pool.broken = True  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await store.unclaim(call(), "worker-1", made=made)
    if own:  # the question may come to the same worker again
        assert await store.claim(request()) == Claimed()
        assert await store.renew("worker-1", 60, time.time()) == 1
    else:
        assert await store.renew("worker-1", 60, time.time()) == 0
        other = PostgresStore(postgres_dsn)
        assert await other.claim(request(owner="worker-2")) == Claimed()
        await other.close()
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT claims FROM attempts") == 1 + made
    await connection.close()
    await store.close()


async def test_a_call_that_goes_on_keeps_its_claim_when_a_repeat_meets_a_dead_connection(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event of a detached call comes again, and asks for the claim until the call ends."""
    monkeypatch.setattr("app.adapters.store.postgres.store.PostgresPool", BrokenBefore)
    store = PostgresStore(postgres_dsn)
    await store.accept([accepted()])
    assert await store.claim(request()) == Claimed()
    assert await store.claim(request()) == Busy("worker-1")
    store._pool.broken = True  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await store.claim(request())
    assert await store.claim(request()) == Busy("worker-1")
    assert await store.renew("worker-1", 60, time.time()) == 1
    assert await store.record_answer(call(), "worker-1", answer("Sí"))
    await store.close()


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

"""PostgreSQL keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.adapters.store.postgres import claims, pool
from app.adapters.store.postgres.store import PostgresStore
from app.ports import Busy, Claimed
from tests.adapters.store.contract import StoreContract
from tests.adapters.store.contract_facts import VERDICT, accepted, ending
from tests.adapters.store.contract_ledger import answer, call, request


@pytest.mark.postgres
class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, postgres_dsn: str) -> AsyncIterator[PostgresStore]:
        store = PostgresStore(postgres_dsn)
        await store.open()
        yield store
        await store.close()

    async def test_leases_of_a_killed_run_are_ended_and_outcomes_are_kept(
        self, store: PostgresStore
    ) -> None:
        await store.claim(request("open"))
        await store.claim(request("answered"))
        await store.record_answer(call("answered"), "worker-1", answer())
        assert await store.claim(request("open", owner="worker-2")) == Busy("worker-1")
        assert await store.end_leases() == 1
        assert await store.claim(request("open", owner="worker-2")) == Claimed()
        assert await store.claim(request("answered", owner="worker-2")) == answer()

    async def test_a_call_that_its_owner_gives_up_while_it_is_read_is_asked_for_again(
        self, store: PostgresStore, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = PostgresStore(postgres_dsn)
        await other.claim(request("q", owner="worker-2"))
        read_calls = claims.read_calls

        async def given_up_before(connection: Any, keys: Any) -> Any:
            await other.unclaim(call("q"), "worker-2")
            return await read_calls(connection, keys)

        monkeypatch.setattr(claims, "read_calls", given_up_before)
        assert await store.claim(request("q")) == Busy("")
        monkeypatch.undo()
        assert await store.claim(request("q")) == Claimed()
        await other.close()

    async def test_a_question_takes_one_turn_to_the_server_for_each_step(
        self, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        steps = {
            "look": lambda: store.question("q"),
            "accept": lambda: store.accept([accepted("q")]),
            "claim": lambda: store.claim(request("q")),
            "answer": lambda: store.record_answer(call("q"), "worker-1", answer()),
            "verdict": lambda: store.record_verdict(call("q"), VERDICT),
            "end": lambda: store.finish([ending("q")]),
        }
        for name in ("execute", "fetch", "fetchrow", "fetchval"):
            method = getattr(pool._Connection, name)

            async def counted(self: Any, sql: str, *a: Any, _of: Any = method, **o: Any) -> Any:
                sent.append(sql)
                return await _of(self, sql, *a, **o)

            monkeypatch.setattr(pool._Connection, name, counted)
        for step, take in steps.items():
            sent.clear()
            await take()
            assert len(sent) == 1, (step, sent)

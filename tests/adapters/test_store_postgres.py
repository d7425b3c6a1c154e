"""PostgreSQL keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.adapters.store.postgres.store import PostgresStore
from app.ports import Busy, Claimed
from tests.adapters.store_contract import StoreContract
from tests.adapters.store_contract_ledger import answer, call, request


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

"""PostgreSQL keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.adapters.store.postgres.store import PostgresStore
from tests.adapters.store_contract import StoreContract


@pytest.mark.postgres
class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, postgres_dsn: str) -> AsyncIterator[PostgresStore]:
        store = PostgresStore(postgres_dsn)
        await store.open()
        yield store
        await store.close()

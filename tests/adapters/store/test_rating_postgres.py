"""The ratings' store in PostgreSQL keeps the contract, and is quick enough for a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.adapters.store.postgres.ratings import PostgresRatingStore
from tests.adapters.store.rating_contract import RatingStoreContract


@pytest.mark.postgres
class TestPostgresRatingStore(RatingStoreContract):
    @pytest.fixture
    async def store(self, postgres_dsn: str) -> AsyncIterator[PostgresRatingStore]:
        store = PostgresRatingStore(postgres_dsn)
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, postgres_dsn: str) -> AsyncIterator[PostgresRatingStore]:
        store = PostgresRatingStore(postgres_dsn)
        yield store
        await store.close()

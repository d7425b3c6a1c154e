"""The ratings' store in memory keeps the contract."""

from __future__ import annotations

import pytest

from app.adapters.store.rating_memory import MemoryRatingStore, RatingData
from tests.adapters.store.rating_contract import RatingStoreContract


class TestMemoryRatingStore(RatingStoreContract):
    @pytest.fixture
    def data(self) -> RatingData:
        return RatingData()

    @pytest.fixture
    def store(self, data: RatingData) -> MemoryRatingStore:
        return MemoryRatingStore(data)

    @pytest.fixture
    def other(self, data: RatingData) -> MemoryRatingStore:
        return MemoryRatingStore(data)

"""The in-memory twin keeps the contract."""

from __future__ import annotations

import pytest

from app.adapters.store.memory import MemoryStore
from tests.adapters.store.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

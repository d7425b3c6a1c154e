"""The contract of `contract.py` on every transport."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.transports import close_storage, log_url
from tests.servers.kafka import KafkaServer
from tests.transports.contract import TransportContract
from tests.transports.harness import Backend, EmbeddedBackend, KafkaBackend


class TestMemory(TransportContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        url = f"memory://{uuid.uuid4().hex}"
        yield EmbeddedBackend(url)
        close_storage(url)


class TestLog(TransportContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        url = log_url(tmp_path / "a log, of; sorts")
        yield EmbeddedBackend(url)
        close_storage(url)


@pytest.mark.kafka
class TestKafka(TransportContract):
    @pytest.fixture
    def backend(self, broker: KafkaServer) -> Backend:
        return KafkaBackend(broker.bootstrap)

"""A Kafka broker for the rebalance stress."""

from __future__ import annotations

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))

"""One Kafka broker for all transport tests of a run."""

from __future__ import annotations

import pytest

from app.transports import register
from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka

register()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))

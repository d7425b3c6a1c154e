"""One Kafka broker for all transport tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.transports import register
from tests.servers import require
from tests.servers.kafka import KafkaServer, start_kafka

register()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    server = require(lambda: start_kafka(tmp_path_factory.mktemp("kafka")))
    yield server
    server.stop()

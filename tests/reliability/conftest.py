"""A Kafka broker for the rebalance stress."""

from __future__ import annotations

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long forms run only when they are asked for: `-m long`."""
    if "long" not in (config.option.markexpr or ""):
        skip = pytest.mark.skip(reason="takes long: run it with -m long")
        for item in items:
            if item.path.name.startswith("test_rebalance") and item.get_closest_marker("long"):
                item.add_marker(skip)

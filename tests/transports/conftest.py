"""One Kafka broker for all transport tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.transports import register
from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka

register()


@pytest.fixture(autouse=True)
def _no_folders_in_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that names no data folder makes one where it runs."""
    monkeypatch.setenv("APP_DATADIR", str(tmp_path / "faust-data"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))

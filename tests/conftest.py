"""Servers that several parts of the suite share: started once, skipped (locally) when missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, start_kafka


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    """Tests choose their settings: those of the shell would change what they show."""
    for name in [n for n in os.environ if n.startswith("ANSWERLOOP_") and "TEST" not in n]:
        del os.environ[name]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real broker for the whole run; each test takes topics and a group of its own."""
    folder: Path = tmp_path_factory.mktemp("kafka")
    server = require(lambda: start_kafka(folder))
    yield server
    server.stop()

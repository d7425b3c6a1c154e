"""The real Kafka broker of a test run, from jars in the repository's cache."""

from __future__ import annotations

import atexit
from pathlib import Path

from app.chaos.servers import kafka
from app.chaos.servers.kafka import KafkaServer

__all__ = ["KafkaServer", "shared_kafka", "start_kafka"]

LIBRARIES = Path(__file__).resolve().parents[2] / ".cache" / "kafka-libs"

_shared: list[KafkaServer] = []


def start_kafka(folder: Path) -> KafkaServer:
    """Start a broker whose files live in `folder`; `ServerMissing` without Java or Maven."""
    return kafka.start_kafka(folder, LIBRARIES)


def shared_kafka(folder: Path) -> KafkaServer:
    """The one broker of this test run, started in the first caller's `folder`.

    It is stopped when the process ends: use topics and groups of your own, and do not kill it.
    """
    if not _shared:
        server = start_kafka(folder)
        atexit.register(server.stop)
        _shared.append(server)
    return _shared[0]

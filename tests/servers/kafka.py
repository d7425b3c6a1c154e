"""The real Kafka broker of a test run, from jars in the repository's cache."""

from __future__ import annotations

import atexit
import fcntl
from collections.abc import Sequence
from pathlib import Path

from app.chaos.servers import kafka
from app.chaos.servers.kafka import KafkaServer

__all__ = ["KafkaServer", "libraries", "shared_kafka", "start_kafka"]

_LIBRARIES = Path(__file__).resolve().parents[2] / ".cache" / "kafka-libs"

_shared: list[KafkaServer] = []


def libraries() -> Path:
    """The folder of Kafka's jars, fetched by one process of the test run; `ServerMissing`."""
    _LIBRARIES.parent.mkdir(exist_ok=True)
    with _LIBRARIES.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kafka.fetch_libraries(_LIBRARIES)
    return _LIBRARIES


def start_kafka(folder: Path, properties: str = "", formatting: Sequence[str] = ()) -> KafkaServer:
    """Start a broker whose files live in `folder`; `ServerMissing` without Java or Maven."""
    return kafka.start_kafka(folder, libraries(), properties, formatting)


def shared_kafka(folder: Path) -> KafkaServer:
    """The one broker of this test process, started in the first caller's `folder`.

    It is stopped when the process ends: use topics and groups of your own, and do not kill it.
    """
    if not _shared:
        server = start_kafka(folder)
        atexit.register(server.stop)
        _shared.append(server)
    return _shared[0]

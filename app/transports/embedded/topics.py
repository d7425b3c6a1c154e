"""Creating topics in an embedded log on Faust's behalf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mode.utils.times import want_seconds

from app.transports.embedded.storage import Storage


def declare(
    app: Any,
    storage: Storage,
    topic: str,
    partitions: int | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    retention: Any = None,
    compacting: bool | None = None,
    deleting: bool | None = None,
    **_: Any,
) -> None:
    """Create `topic` if it is missing, translating Faust's arguments into Kafka's settings."""
    settings = dict(config or {})
    policies = [name for name, on in (("compact", compacting), ("delete", deleting)) if on]
    if policies:
        settings["cleanup.policy"] = ",".join(policies)
    if retention:
        settings["retention.ms"] = int(want_seconds(retention) * 1000)
    storage.create_topic(topic, partitions or app.conf.topic_partitions, settings)

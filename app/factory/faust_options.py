"""Faust's own settings, the same for every pipeline; the reasons are in docs/transports.md."""

from __future__ import annotations

from typing import Any

import faust

from app.broker import broker_url, faust_credentials
from app.settings import Settings
from app.topics import MAX_MESSAGE_BYTES


class NamedTopics(faust.Topic):
    """A Faust topic that can say its name when it stands for several, as `faust agents` asks.

    Faust keeps a second future of each send, which nobody awaits: its error is marked as seen. A
    send that was cancelled (its time was over) is no error: Faust would raise in the event loop.
    """

    def get_topic_name(self) -> str:
        return ", ".join(self.topics)

    async def _get_producer(self) -> Any:
        """Return the producer, for table writes at once.

        Faust takes three turns of the event loop for it, and sends table writes one by one: a
        commit, which waits for them all, would come seconds after a large chunk.
        """
        producer = self.app.producer
        return producer if self.internal and producer.started else await super()._get_producer()

    def _on_published(self, fut: Any, message: Any, producer: Any, state: Any) -> None:
        if fut.cancelled():
            message.cancel()
            return
        super()._on_published(fut, message=message, producer=producer, state=state)
        if message.done() and not message.cancelled():
            message.exception()


def faust_options(settings: Settings, partitions: int) -> dict[str, Any]:
    """Return the settings of an app whose tables have `partitions` partitions."""
    return {
        "Topic": NamedTopics,
        "broker": broker_url(settings),
        "broker_credentials": faust_credentials(settings),
        "broker_commit_interval": settings.commit_interval_seconds,
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 60.0,
        "broker_request_timeout": 90.0,
        "broker_max_poll_interval": 86_400.0,
        "broker_commit_livelock_soft_timeout": 3600.0,
        "consumer_group_instance_id": settings.kafka_instance_id,
        "producer_request_timeout": 60.0,
        "producer_max_request_size": 2 * MAX_MESSAGE_BYTES,
        "stream_buffer_maxsize": 16_384,
        "stream_wait_empty": True,
        "stream_processing_timeout": 3600.0,
        "store": "memory://",
        "table_standby_replicas": 0,
        "topic_partitions": partitions,
        "topic_replication_factor": settings.replication_factor,
        "web_enabled": False,
        "web_host": settings.http_host,
        "web_port": settings.http_port or 6066,
        "worker_redirect_stdouts": False,
        "datadir": str(settings.data_dir / "faust"),
        "logging_config": None,
    }

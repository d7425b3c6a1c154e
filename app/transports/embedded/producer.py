"""The producer of an embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from faust.exceptions import ProducerSendError
from faust.transport import base
from faust.types import TP
from faust.types.tuples import RecordMetadata

from app.transports.embedded.storage import NewRecord, Storage
from app.transports.embedded.topics import declare
from app.transports.strict import StrictProducer


class Producer(StrictProducer, base.Producer):
    """Appends to the log. A send is confirmed once the storage has kept it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sending: set[asyncio.Future[RecordMetadata]] = set()

    async def create_topic(self, topic: str, partitions: int, *_: Any, **options: Any) -> None:
        declare(self.app, self.transport.storage, topic, partitions, **options)

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,  # noqa: ARG002
    ) -> Awaitable[RecordMetadata]:
        size = len(key or b"") + len(value or b"")
        if size > self.max_request_size:
            raise ProducerSendError(f"{size} bytes for {topic}: over {self.max_request_size}")
        storage: Storage = self.transport.storage
        if isinstance(headers, Mapping):
            headers = list(headers.items())
        self.app.on_produce_message.send(
            key=key, value=value, partition=partition, timestamp=timestamp, headers=headers
        )
        if topic not in storage.topics():
            declare(self.app, storage, topic)
        if partition is None:
            partition = storage.partition_for(topic, key)
        sending = storage.append(NewRecord(topic, partition, key, value, timestamp, headers))
        if not sending.done():
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        return sending

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        return await (await self.send(*args, **kwargs))

    async def flush(self) -> None:
        await self.buffer.flush()
        if self._sending:
            await asyncio.wait(set(self._sending))

    def key_partition(self, topic: str, key: bytes) -> TP:
        return TP(topic, self.transport.storage.partition_for(topic, key))

    def supports_headers(self) -> bool:
        return True

"""The one Faust schema of an app: picks the record by topic, never raises, never drops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import faust

from app.transports import RawRecord
from app.transports.records import Headers
from app.wire.gate import WireGate

#: Below the topics' max.message.bytes, so that a key and headers fit beside it.
MAX_VALUE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that does not fit its topic, with its bytes and the reason."""

    reason: str
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of a packed chunk: a record, or what was rejected, with its place."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    raw: bytes | None
    value: Any
    headers: Headers = None


#: What an agent on a packed topic gets: messages of one partition, in order.
Chunk = list[Arrival]


class TopicSchema(faust.Schema):
    """Decodes every topic of an app by its record; keys are the question ids.

    An agent on a plain topic gets the record or `Rejected`, on a packed topic a `Chunk` of both.
    """

    def __init__(self, records: Mapping[str, type[faust.Record]]) -> None:
        super().__init__()
        self._by_type = {record: WireGate(record) for record in records.values()}
        self._gates = {topic: self._by_type[record] for topic, record in records.items()}

    def loads_key(self, app: Any, message: Any, **_: Any) -> bytes | None:  # noqa: ARG002 (Faust's signature)
        key: bytes | None = message.key
        return key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        if isinstance(message.value, list):
            return [self._arrival(raw) for raw in message.value]
        return self.read(message.topic, message.key, message.value)

    def read(self, topic: str, key: bytes | None, value: bytes | None) -> Any:
        """Return the record of a message, or `Rejected`."""
        if value is None:
            return Rejected("the value is null", key, value)
        try:
            record = self._gates[topic].decode(value)
        except ValueError as error:
            return Rejected(str(error)[:1000], key, value)
        question_id = getattr(record, "question_id", None)
        if question_id is not None and key != question_id.encode():
            shown = "null" if key is None else repr(key[:80])
            return Rejected(f"the key is {shown}, not the question id", key, value)
        return record

    def dumps_key(self, app: Any, key: Any, *, headers: Any, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        return (key.encode() if isinstance(key, str) else key), headers

    def dumps_value(self, app: Any, value: Any, *, headers: Any, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        encoded = self._by_type[type(value)].encode(value)
        if len(encoded) > MAX_VALUE_BYTES:
            raise ValueError(f"{type(value).__name__} of {len(encoded)} bytes is too large to send")
        return encoded, headers

    def _arrival(self, raw: RawRecord) -> Arrival:
        value = self.read(raw.topic, raw.key, raw.value)
        return Arrival(
            raw.topic,
            raw.partition,
            raw.offset,
            raw.timestamp,
            raw.key,
            raw.value,
            value,
            raw.headers,
        )


class RatingSchema(faust.Schema):
    """The schema of the packed topic `ratings`: a chunk arrives as it lies in the log.

    Its agent reads all of it at once (`app.wire.ratings`).
    """

    def loads_key(self, app: Any, message: Any, **_: Any) -> bytes | None:  # noqa: ARG002 (Faust's signature)
        key: bytes | None = message.key
        return key

    def loads_value(self, app: Any, message: Any, **_: Any) -> list[RawRecord]:  # noqa: ARG002 (Faust's signature)
        found: list[RawRecord] = message.value
        return found

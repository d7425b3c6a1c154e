"""Records as the pipeline reads them: by the wire gate, or as Faust's tables write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from app.core.ratings.events import RatingLimits, Refusal
from app.settings import Settings
from app.topics import (
    changelog_table,
    rating_topic_names,
    rating_topic_table,
    topic_table,
)
from app.transports import RawRecord
from app.wire import Rejected, TopicSchema
from app.wire.ratings import RatingReader

#: Why a record does not fit its topic; None: it does.
Check = Callable[[RawRecord], str | None]


class TopicDecoder:
    """Tells whether records of one topic fit it, and what they say.

    A topic that is none of ours has no schema: whatever is on it fits, and JSON is read as such.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = topic
        self.record = "-"
        self.keyed_by_us = False
        """Whether only our stages write the topic, each key to its murmur2 partition."""
        self.problem: Check = lambda _: None
        names = rating_topic_names(settings)
        records = {
            spec.name: spec.record
            for spec in (*topic_table(settings), *rating_topic_table(settings))
            if spec.record is not None
        }
        if topic == names.ratings:
            self.record = "RatingEvent"
            limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
            self.problem = _rating_check(RatingReader(limits))
        elif topic in records:
            self.record = records[topic].__name__
            self.keyed_by_us = True
            self.problem = _gate_check(TopicSchema({topic: records[topic]}))
        elif topic in {spec.name for spec in changelog_table(settings)}:
            self.record = "table"
            self.problem = _table_problem


def json_of(value: bytes | None) -> Any:
    """Return what a value says in JSON, None when it is no JSON (or null)."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _gate_check(schema: TopicSchema) -> Check:
    def problem(record: RawRecord) -> str | None:
        found = schema.read(record.topic, record.key, record.value)
        return found.reason if isinstance(found, Rejected) else None

    return problem


def _rating_check(reader: RatingReader) -> Check:
    def problem(record: RawRecord) -> str | None:
        found = reader.read(record.key, record.value)
        return f"{found.rule}: {found.detail}" if isinstance(found, Refusal) else None

    return problem


def _table_problem(record: RawRecord) -> str | None:
    """A changelog holds JSON, or null where an entry was dropped."""
    if record.key is None:
        return "the key is null: no entry of a table"
    if record.value is None:
        return None
    try:
        msgspec.json.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return f"no JSON: {error}"
    return None

"""What each topic holds: messages, settings, what differs from the table, its newest record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from app.broker.topic_admin import TopicState, compare
from app.core.questions import timestamp
from app.inspection.reader import Span, TopicReader
from app.settings import Settings
from app.topics import TopicSpec, all_topics
from app.transports.embedded.storage import PartitionKey

_NEWEST_SECONDS = 3.0
NOT_THERE = "it is not there: answerloop topics create makes it"


async def topic_rows(settings: Settings, reader: TopicReader) -> list[dict[str, Any]]:
    """Return a row for each topic of the table, also of those that are not on the broker.

    Raises BrokerUnavailable.
    """
    specs = all_topics(settings)
    states = await reader.states([spec.name for spec in specs])
    spans = await reader.spans(await reader.partitions(list(states)))
    newest = await newest_times(reader, spans)
    return [_row(spec, states.get(spec.name), spans, newest) for spec in specs]


def _row(
    spec: TopicSpec,
    state: TopicState | None,
    spans: Mapping[PartitionKey, Span],
    newest: Mapping[PartitionKey, float],
) -> dict[str, Any]:
    own = [span for tp, span in spans.items() if tp[0] == spec.name]
    times = [when for tp, when in newest.items() if tp[0] == spec.name]
    return {
        "topic": spec.name,
        "record": spec.record.__name__ if spec.record else "table",
        "about": spec.about,
        "there": state is not None,
        "partitions": None if state is None else state.partitions,
        "messages": None if state is None else sum(span.messages for span in own),
        "compacted": None if state is None else "compact" in state.config.get("cleanup.policy", ""),
        "retention_seconds": None if state is None else retention_seconds(state),
        "differences": [NOT_THERE] if state is None else compare(spec, state),
        "newest_at": timestamp(max(times, default=None)),
    }


def retention_seconds(state: TopicState) -> float | None:
    """Return for how long records are kept, None: for ever, or until another of their key comes."""
    told = state.config.get("retention.ms")
    if "delete" not in state.config.get("cleanup.policy", "delete") or told is None:
        return None
    return None if float(told) < 0 else float(told) / 1000.0


async def newest_times(
    reader: TopicReader, spans: Mapping[PartitionKey, Span]
) -> dict[PartitionKey, float]:
    """Return the time of each partition's last record, of those that give it within seconds."""
    reading = await reader.read({tp: span.end - 1 for tp, span in spans.items() if span.messages})
    found: dict[PartitionKey, float] = {}
    loop = asyncio.get_running_loop()
    until = loop.time() + _NEWEST_SECONDS
    while (unread := _unread(reading.positions, spans)) and (left := until - loop.time()) > 0:
        for tp, records in (await reading.fetch(unread, 1, left)).items():
            found[tp] = records[-1].timestamp
    return found


def _unread(
    positions: Mapping[PartitionKey, int], spans: Mapping[PartitionKey, Span]
) -> list[PartitionKey]:
    return [tp for tp, at in positions.items() if at < spans[tp].end]

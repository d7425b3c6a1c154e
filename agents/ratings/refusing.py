"""Refused events: each is a dead letter with its origin and bytes before its offset is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.endings import dead_letter
from agents.ratings.context import RatingsContext
from agents.ratings.sending import Encoded, publish_encoded
from agents.waits import Outgoing, publish
from app.core.ratings.checking import MAX_EVENT_BYTES
from app.core.ratings.events import Refusal
from app.tracing.port import MessageHeaders
from app.transports import RawRecord
from app.wire import Arrival, WireGate
from models.questions import DeadLetter

#: Letters on their way at once: a chunk may be all garbage.
_AT_ONCE = 500
_GATE = WireGate(DeadLetter)
_PLAUSIBLE_SECONDS = (1e9, 1e11)
_ORDINARY_KEY_BYTES = 100


async def bury(
    context: RatingsContext,
    refused: Sequence[tuple[RawRecord, Refusal]],
    headers: MessageHeaders | None = None,
) -> None:
    """Publish the dead letters of refused events, and wait until the log has them.

    Of a long one, less is kept when the topic does not take it whole.
    """
    topic = context.names.dead_letters
    for begin in range(0, len(refused), _AT_ONCE):
        batch = refused[begin : begin + _AT_ONCE]
        letters = [_letter(context, *each) for each in batch if not _is_long(each[0])]
        await publish_encoded(context, topic, letters, headers)
        long = [_long_letter(context, *each) for each in batch if _is_long(each[0])]
        await publish(context, [letter._replace(headers=headers) for letter in long])
    for rule, count in Counter(refusal.rule.value for _, refusal in refused).items():
        context.metrics.count("ratings_rejected", rule, by=count)
        context.metrics.count("dead_letters", f"rating_{rule}", by=count)


def _is_long(raw: RawRecord) -> bool:
    """Tell whether an event may have to be cut to fit into its letter."""
    return len(raw.value or b"") > MAX_EVENT_BYTES or len(raw.key or b"") > _ORDINARY_KEY_BYTES


def _letter(context: RatingsContext, raw: RawRecord, refusal: Refusal) -> Encoded:
    now = context.now()
    earliest, latest = _PLAUSIBLE_SECONDS
    value = _GATE.encode_fields(
        {
            "origin_topic": raw.topic,
            "origin_partition": raw.partition,
            "origin_offset": raw.offset,
            "cause": _cause(refusal),
            "detail": refusal.detail,
            "first_seen_at": raw.timestamp if earliest <= raw.timestamp <= latest else now,
            "dead_at": now,
            "key": raw.key,
            "value": raw.value,
        }
    )
    return Encoded(b"%s/%d/%d" % (raw.topic.encode(), raw.partition, raw.offset), value)


def _long_letter(context: RatingsContext, raw: RawRecord, refusal: Refusal) -> Outgoing:
    arrival = Arrival(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, None)
    return dead_letter(context, arrival, _cause(refusal), refusal.detail)


def _cause(refusal: Refusal) -> str:
    return f"rating_{refusal.rule.value}"

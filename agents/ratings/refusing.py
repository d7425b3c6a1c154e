"""Refused events: each is a dead letter with its origin and bytes before its offset is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.endings import dead_letter
from agents.ratings.context import RatingsContext
from agents.waits import Outgoing, publish
from app.core.ratings.events import Refusal
from app.transports import RawRecord
from app.wire import Arrival

#: Letters on their way at once: a chunk may be all garbage.
_AT_ONCE = 500


async def bury(context: RatingsContext, refused: Sequence[tuple[RawRecord, Refusal]]) -> None:
    """Publish the dead letters of refused events, and wait until the log has them."""
    for begin in range(0, len(refused), _AT_ONCE):
        batch = refused[begin : begin + _AT_ONCE]
        await publish(context, [_letter(context, raw, refusal) for raw, refusal in batch])
    for rule, count in Counter(refusal.rule.value for _, refusal in refused).items():
        context.metrics.count("ratings_rejected", rule, by=count)
        context.metrics.count("dead_letters", f"rating_{rule}", by=count)


def _letter(context: RatingsContext, raw: RawRecord, refusal: Refusal) -> Outgoing:
    arrival = Arrival(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, None)
    return dead_letter(context, arrival, f"rating_{refusal.rule.value}", refusal.detail)

"""Plans and messages: how much of a partition is fetched, and what an agent gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faust.types import TP, ConsumerMessage

from app.transports.records import CHANGELOG_PLAN, DEFAULT_PLAN, RawRecord, TopicPlan
from app.transports.strict.epochs import Epochs


class Messages(Epochs):
    """The layer of `StrictConsumer` that knows the topic plans. A driver supplies `_raws`."""

    def _raws(self, records: list[Any]) -> list[RawRecord]:
        """A driver's records as `RawRecord`s: one call for a chunk, not one for each."""
        raise NotImplementedError

    def _plan(self, topic: str) -> TopicPlan:
        plans: Mapping[str, TopicPlan] = getattr(self.app, "topic_plans", {})
        if (plan := plans.get(topic)) is not None:
            return plan
        return CHANGELOG_PLAN if topic in self.app.tables.changelog_topics else DEFAULT_PLAN

    def _slice(self, tp: TP) -> int:
        """How many records of `tp` one fetch may deliver.

        A topic's queue takes what is on its way when it is declared full only if all partitions
        that share it stay below a fifth of it together; else a slow agent stalls every topic.
        """
        limit = self._slices.get(tp)
        if limit is None:
            plan = self._plan(tp.topic)
            limit = plan.max_records
            if not plan.packed and not self._is_changelog_tp(tp):
                topics = {t for chan in self.app.topics._tp_index.get(tp, ()) for t in chan.topics}
                sharing = sum(other.topic in topics for other in self.assignment()) or 1
                limit = min(limit, self.app.conf.stream_buffer_maxsize // 5 // sharing)
            limit = self._slices[tp] = max(1, limit)
        return limit

    def _message_of(self, tp: TP, item: Any) -> ConsumerMessage:
        if not isinstance(item, list):
            return self._to_message(tp, item)
        raw = self._raws(item)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            raw[-1].offset,
            raw[-1].timestamp,
            0,
            None,
            None,
            raw,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

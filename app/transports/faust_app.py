"""A Faust app that knows how each of its topics is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped

from app.transports.records import TopicPlan


class PersistentRecovery(Recovery):
    """Faust's own, which takes a broker that does not answer in time for the end of the app.

    (mode's `wait_first` reports a time-out as a stop.) It then ended for good, and the worker
    stood still: no partition was resumed, now or after any later rebalance.
    """

    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            self.log.warning("The broker did not answer within %s s: recovery begins anew", timeout)
            self.signal_recovery_start.set()
            raise RebalanceAgain from None


class PromptTableManager(TableManager):
    """Faust's own, without its fixed second of sleep at every start."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = PersistentRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class StreamApp(faust.App):
    """A `faust.App` for the transports of this package."""

    topic_plans: dict[str, TopicPlan]
    """Topic name to plan; a topic that is not named has the default `TopicPlan()`."""

    held_events: set[Any] | None = None
    """The events that tasks of `noack` agents work on, where the app keeps count of them.

    A stop then waits for these only; without the count it waits for all that such agents took.
    """

    def __init__(
        self, *args: Any, topic_plans: Mapping[str, TopicPlan] | None = None, **options: Any
    ) -> None:
        self.topic_plans = dict(topic_plans or {})
        options.setdefault("TableManager", PromptTableManager)
        options.setdefault("broker_max_poll_records", 500)
        super().__init__(*args, **options)

    async def ask_broker(self) -> str:
        """Ask the broker something; return what it is for people. Raises when it is away.

        Kafka's client may take long over it: give it a time limit.
        """
        client = getattr(getattr(self.producer, "_producer", None), "client", None)
        here = f"{len(self.consumer.assignment())} partitions here"
        if client is None:
            return f"embedded, {here}"
        metadata = await client.fetch_all_metadata()
        return f"{len(metadata.brokers())} brokers, {here}"

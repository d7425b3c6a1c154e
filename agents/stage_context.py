"""What a stage of any pipeline works with: app, topics, figures, and ways to wait and send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any, Protocol

import faust
import structlog

from agents.in_hand import WaitingFor
from agents.outages import Outages
from app.metrics import Metrics
from app.ports import Clock
from app.tracing import NO_TRACING, Tracing
from app.tracing.port import MessageHeaders
from app.transports import StreamApp


class StageNames(Protocol):
    """Names that every pipeline's topics have."""

    @property
    def dead_letters(self) -> str: ...


class StageLimits(Protocol):
    """How long a drain, and a stop, wait for what is in progress."""

    @property
    def drain_grace_seconds(self) -> float: ...

    @property
    def stop_grace_seconds(self) -> float: ...


class StagePorts(Protocol):
    """What every pipeline needs of the outside world."""

    @property
    def clock(self) -> Clock: ...


def _logger() -> structlog.stdlib.BoundLogger:
    """Return the product's own logger: modules that hold Faust services log their starts, too."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("answerloop")
    return logger


@dataclass(kw_only=True)
class StageContext:
    """One app's stages and what they work with. `opened` is set when the worker boots."""

    app: StreamApp
    names: StageNames
    #: Encodes what the stages send; decodes topics that are declared with it.
    schema: faust.Schema
    limits: StageLimits
    owner: str
    metrics: Metrics = field(default_factory=Metrics)
    waiting_for: WaitingFor = field(default_factory=WaitingFor)
    random: Random = field(default_factory=Random)
    log: structlog.stdlib.BoundLogger = field(default_factory=_logger)
    outages: Outages = field(default_factory=Outages)
    #: Opened when the worker boots, too.
    tracing: Tracing = NO_TRACING
    opened: StagePorts | None = None
    #: What the watchdog found standing still, for people; None while all is well.
    stuck: str | None = None
    #: Since when this worker stops (monotonic seconds); None while it does not.
    stopping_since: float | None = None
    _channels: dict[str, faust.Topic] = field(default_factory=dict)

    @property
    def ports(self) -> StagePorts:
        if self.opened is None:
            raise RuntimeError("the ports are opened when the worker boots")
        return self.opened

    @property
    def stopping(self) -> bool:
        return self.stopping_since is not None

    def now(self) -> float:
        return self.ports.clock.now()

    def refusing(self) -> str | None:
        """Say why this pipeline takes no work though it runs; None when it does."""
        return self.stuck

    def grace_of_calls(self) -> float:
        """Return for how many seconds a drain waits for calls in flight: a stop waits longer."""
        if self.stopping_since is None:
            return self.limits.drain_grace_seconds
        return max(0.0, self.limits.stop_grace_seconds - (monotonic() - self.stopping_since))

    def hold(self, event: Any, task: asyncio.Task[None]) -> None:
        """Keep an event until its task is done: a stop waits for exactly these."""
        held = self.app.held_events
        if held is None:
            raise RuntimeError("the factory gives an app of stages its set of held events")
        held.add(event)
        task.add_done_callback(lambda _: held.discard(event))

    async def append(
        self, topic: str, key: str, record: faust.Record, headers: MessageHeaders | None = None
    ) -> Awaitable[Any]:
        """Hand a message to the log; what is returned ends when the log has acknowledged it.

        As `Topic.send`, without a promise, a callback and a sensor of Faust's for each message.
        """
        channel, producer = self.channel(topic), self.app.producer
        encoded_key, _ = channel.prepare_key(key, None)
        value, _ = channel.prepare_value(record, None)
        if not producer.started:
            await self.app.maybe_start_producer()
        sending: Awaitable[Any] = await producer.send(
            topic, encoded_key, value, None, None, headers
        )
        return sending

    def channel(self, topic: str) -> faust.Topic:
        """Return the Faust topic for sending to `topic`."""
        if topic not in self._channels:
            self._channels[topic] = self.app.topic(topic, schema=self.schema)
        return self._channels[topic]

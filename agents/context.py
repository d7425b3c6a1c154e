"""What every stage of one app shares: topics, limits, ports, figures."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any

import faust
import structlog

from agents.flood import FloodGate
from agents.in_hand import WaitingFor
from agents.outages import Outages
from agents.turnstile import Turnstile
from app.core.breaker import BreakerPolicy
from app.core.causes import BUILT_IN, CauseTable
from app.core.flood import FloodPolicy
from app.core.gate import Gate
from app.core.limiter import Limiter
from app.core.questions import StoredQuestion
from app.core.retry import RetryPolicy
from app.core.strategies import STRATEGIES, Strategy
from app.metrics import Metrics
from app.ports import Ports, SweepLimits
from app.topics import TopicNames
from app.transports import StreamApp
from app.wire import TopicSchema


def _logger() -> structlog.stdlib.BoundLogger:
    """Return the product's own logger: modules that hold Faust services log their starts, too."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("answerloop")
    return logger


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers that the stages keep to. `gate` is what was calibrated or set."""

    policy: RetryPolicy = RetryPolicy()
    causes: CauseTable = BUILT_IN
    strategies: tuple[Strategy, ...] = STRATEGIES
    gate: Gate = Gate()
    max_generations: int = 3
    concurrency: int = 8
    judge_concurrency: int = 128
    lease_seconds: float = 30.0
    drain_grace_seconds: float = 3.0
    stop_grace_seconds: float = 8.0
    settle_seconds: float = 5.0
    breaker: BreakerPolicy = BreakerPolicy()
    rate_limit_pause_seconds: float = 1.0
    call_seconds: float = 120.0
    forget_after_seconds: float = 600.0
    timer_seconds: float = 0.1
    deadline_seconds: float = 0.0
    sweep: SweepLimits = SweepLimits()
    flood: FloodPolicy = FloodPolicy()
    sweep_seconds: float = 30.0


class Watch:
    """Hands stored ends to those who wait for them in this process."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[asyncio.Future[StoredQuestion]]] = defaultdict(set)

    def expect(self, question_id: str) -> asyncio.Future[StoredQuestion]:
        """Return a future that gets the question when its end is stored by this process."""
        future = asyncio.get_running_loop().create_future()
        self._waiters[question_id].add(future)
        future.add_done_callback(lambda done: self._drop(question_id, done))
        return future

    def tell(self, question: StoredQuestion) -> None:
        for future in list(self._waiters.get(question.question_id, ())):
            if not future.done():
                future.set_result(question)

    def _drop(self, question_id: str, future: asyncio.Future[StoredQuestion]) -> None:
        waiters = self._waiters[question_id]
        waiters.discard(future)
        if not waiters:
            del self._waiters[question_id]


@dataclass
class Context:
    """One app's stages and what they work with. `ports` is set when the worker boots."""

    app: StreamApp
    names: TopicNames
    schema: TopicSchema
    limits: Limits
    owner: str
    metrics: Metrics = field(default_factory=Metrics)
    watch: Watch = field(default_factory=Watch)
    waiting_for: WaitingFor = field(default_factory=WaitingFor)
    random: Random = field(default_factory=Random)
    log: structlog.stdlib.BoundLogger = field(default_factory=_logger)
    outages: Outages = field(default_factory=Outages)
    detached: dict[asyncio.Task[None], asyncio.Task[Any]] = field(default_factory=dict)
    calls_in_flight: int = 0
    opened: Ports | None = None
    #: What the watchdog found standing still, for people; None while all is well.
    stuck: str | None = None
    #: Since when this worker stops (monotonic seconds); None while it does not.
    stopping_since: float | None = None
    turnstile: Turnstile = field(init=False)
    flood: FloodGate = field(init=False)
    _channels: dict[str, faust.Topic] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = self.limits
        pause = limits.rate_limit_pause_seconds
        limiter = Limiter(limits.concurrency, limits.call_seconds, pause)
        self.turnstile = Turnstile(limiter, limits.breaker, self.metrics, self.random, self.log)
        self.flood = FloodGate(limits.flood, self.metrics, self.log)

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

    @property
    def ports(self) -> Ports:
        if self.opened is None:
            raise RuntimeError("the ports are opened when the worker boots")
        return self.opened

    def now(self) -> float:
        return self.ports.clock.now()

    def channel(self, topic: str) -> faust.Topic:
        """Return the Faust topic for sending to `topic`."""
        if topic not in self._channels:
            self._channels[topic] = self.app.topic(topic, schema=self.schema)
        return self._channels[topic]

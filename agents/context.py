"""What the stages of the question pipeline share: topics, limits, ports, figures."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.flood import FloodGate
from agents.stage_context import StageContext
from agents.turnstile import Turnstile
from app.core.breaker import BreakerPolicy
from app.core.causes import BUILT_IN, CauseTable
from app.core.flood import FloodPolicy
from app.core.gate import Gate
from app.core.guards import DEFAULT_GUARDS
from app.core.limiter import Limiter
from app.core.questions import CallKey, StoredQuestion
from app.core.retry import RetryPolicy
from app.core.strategies import STRATEGIES, Strategies
from app.ports import Ports, SweepLimits
from app.topics import TopicNames
from app.wire import TopicSchema


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers that the stages keep to.

    `gate` is what was calibrated or set; `gates_by_scorer`: what scorers of these names put in
    force instead.
    """

    policy: RetryPolicy = RetryPolicy()
    causes: CauseTable = BUILT_IN
    strategies: Strategies = STRATEGIES
    gate: Gate = Gate()
    gates_by_scorer: Mapping[str, Gate] = field(default_factory=dict)
    guards: tuple[str, ...] = DEFAULT_GUARDS
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


@dataclass(kw_only=True)
class Context(StageContext):
    """The question pipeline's stages and what they work with."""

    names: TopicNames
    schema: TopicSchema
    limits: Limits
    watch: Watch = field(default_factory=Watch)
    detached: dict[asyncio.Task[None], asyncio.Task[Any]] = field(default_factory=dict)
    calls_in_flight: int = 0
    #: How many failed probes of a call burnt no attempt, where its question may be to blame.
    free_probes: Counter[CallKey] = field(default_factory=Counter)
    opened: Ports | None = None
    turnstile: Turnstile = field(init=False)
    flood: FloodGate = field(init=False)

    def __post_init__(self) -> None:
        limits = self.limits
        pause = limits.rate_limit_pause_seconds
        limiter = Limiter(limits.concurrency, limits.call_seconds, pause)
        self.turnstile = Turnstile(limiter, limits.breaker, self.metrics, self.random, self.log)
        self.flood = FloodGate(limits.flood, self.metrics, self.log)

    @property
    def ports(self) -> Ports:
        if self.opened is None:
            raise RuntimeError("the ports are opened when the worker boots")
        return self.opened

    @property
    def gate(self) -> Gate:
        """The gate in force. A scorer elsewhere tells its name when it answers first."""
        gates = self.limits.gates_by_scorer
        if not gates or self.opened is None:
            return self.limits.gate
        return gates.get(self.ports.scorer.name, self.limits.gate)

    def refusing(self) -> str | None:
        return super().refusing() or self.flood.reason

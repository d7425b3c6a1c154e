"""An outage of two hours, on the whole pipeline in simulated time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.memory import MemoryStore
from app.core.breaker import BreakerPolicy, BreakerState
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.retry import RetryPolicy
from app.core.strategies import Prompt
from app.errors import llm_failed
from app.ports import ModelAnswer
from tests.flow.engine import LIMITS, make_ports, question, running
from tests.flow.simulated_time import SimulatedClock, run_simulated

HOUR = 3600.0
LIMITS_OF_PRODUCTION = replace(
    LIMITS, policy=RetryPolicy(), breaker=BreakerPolicy(), timer_seconds=1.0
)


class AwayFor(ScriptedModel):
    """A model server that refuses for a time, then answers."""

    def __init__(self, seconds: float, cause: str, status: int | None) -> None:
        super().__init__(lambda prompt: "An answer", seconds=0.5)
        self._away_until = asyncio.get_running_loop().time() + seconds
        self._failure = llm_failed(CAUSES[cause], "away", status=status)
        self.refused = Counter[str]()

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        answer = await super().answer(prompt)
        if asyncio.get_running_loop().time() < self._away_until:
            self.refused[prompt.user] += 1
            raise self._failure
        return answer


@pytest.mark.parametrize(
    ("seconds", "cause", "status"),
    [
        pytest.param(2 * HOUR, "refused", None, id="nobody listens for two hours"),
        pytest.param(HOUR / 2, "overloaded", 503, id="503 for half an hour"),
    ],
)
def test_a_long_outage_uses_up_nobodys_retries(
    seconds: float, cause: str, status: int | None
) -> None:
    asked = [question(f"Question {n}?") for n in range(60)]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        model, clock = AwayFor(seconds, cause, status), SimulatedClock(loop)
        store = MemoryStore(clock)
        ports = make_ports(model=model, store=store, clock=clock)
        async with running(
            ports,
            limits=LIMITS_OF_PRODUCTION,
            commit_interval_seconds=5.0,
            partitions=2,
            stuck_seconds=0,  # the watchdog goes by real time
        ) as engine:
            turnstile = engine.context.turnstile
            turnstile.clock = loop.time
            for each in asked:
                each.accepted_at = clock.now()
            await engine.submit(*asked)
            await asyncio.sleep(seconds / 2)
            assert turnstile.state is not BreakerState.CLOSED
            assert await store.renew(engine.context.owner, 1.0, clock.now()) == 0, "no claims"
            assert turnstile.waiting >= 7
            before = len(model.calls)
            await asyncio.sleep(600)
            assert len(model.calls) - before <= 600 / 30 + 1, "one probe every 30 s at most"
            await asyncio.sleep(seconds / 2 - 600)
            over = loop.time()
            while (await store.counts()).get(Status.VALIDATED, 0) < len(asked):
                await asyncio.sleep(1.0)
                assert loop.time() < over + 120, await store.counts()
            rows = await store.questions_by_id([each.question_id for each in asked])
            probes = engine.context.metrics.total("breaker_probes")
        assert {row.status for row in rows} == {Status.VALIDATED}
        burnt = sum(len(row.attempts) - 1 for row in rows)
        assert burnt <= 20, "only what was in flight before the breaker opened"
        assert max(len(row.attempts) for row in rows) <= 3
        assert len(model.calls) <= 1.1 * len(asked) + probes + burnt
        assert max(model.refused.values()) <= 0.2 * sum(model.refused.values()), "probes rotate"

    run_simulated(scenario())

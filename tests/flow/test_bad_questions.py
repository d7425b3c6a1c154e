"""Questions that break the server each time: they end, and keep nobody from it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.memory import MemoryStore
from app.core.breaker import BreakerPolicy
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.retry import RetryPolicy
from app.errors import llm_failed
from tests.flow.engine import LIMITS, make_ports, question, running
from tests.flow.simulated_time import SimulatedClock, run_simulated

PATIENT = replace(LIMITS, policy=RetryPolicy(), breaker=BreakerPolicy(), timer_seconds=1.0)


class Breaks(ScriptedModel):
    """Answers 500 to bad questions, whenever they come."""

    async def answer(self, prompt: Any) -> Any:
        answer = await super().answer(prompt)
        if "bad" in prompt.user:
            raise llm_failed(CAUSES["server_error"], "the runner died", status=500)
        return answer


@pytest.mark.parametrize("bad", [1, 5])
def test_a_few_bad_questions_alone_do_not_probe_for_ever(bad: int) -> None:
    texts = [f"good {n}?" for n in range(40)] + [f"bad {n}?" for n in range(bad)]
    asked = [question(text) for text in texts]

    async def play() -> tuple[dict[Status, int], Counter[str]]:
        loop = asyncio.get_running_loop()
        model, clock = Breaks(lambda _: "An answer", seconds=0.5), SimulatedClock(loop)
        store = MemoryStore(clock)
        ports = make_ports(model=model, store=store, clock=clock)
        options: Any = {"commit_interval_seconds": 5.0, "partitions": 2, "stuck_seconds": 0}
        async with running(ports, limits=PATIENT, **options) as engine:
            engine.context.turnstile.clock = loop.time
            for each in asked:
                each.accepted_at = clock.now()
            await engine.submit(*asked)
            await asyncio.sleep(3600)
            calls = Counter(made.prompt.user for made in model.calls)
            return dict(await store.counts()), calls

    counts, calls = run_simulated(play())
    assert counts == {Status.VALIDATED: 40, Status.DEAD: bad}
    assert max(calls.values()) <= 60, "each attempt has its own, and a few probes"

"""C4: workers are killed faster than they can start."""

from __future__ import annotations

import asyncio

from app.chaos.scenario import Facts, Load, Scenario
from app.chaos.stage import CONCURRENCY, Stage

KILLS, LONG_KILLS = 20, 60
CALM_SECONDS = 5.0


async def _faults(stage: Stage) -> None:
    kills = LONG_KILLS if stage.options.long else KILLS
    await asyncio.sleep(CALM_SECONDS)
    for _ in range(kills):
        await asyncio.sleep(stage.random.uniform(0.1, 1.0))
        stage.kill_worker(stage.any_worker())
        stage.start_worker()
    stage.figures["kills"] = kills


def _one_call_for_each_slot(facts: Facts) -> float:
    return float(facts.figures["kills"] * CONCURRENCY)


KILL_STORM = Scenario(
    name="kill-storm",
    about="SIGKILL a random one of 3 workers every 0.1 to 1 s, 20 times (--long 60)",
    promise="1 every question ends; 2 one row and one final state",
    faults=_faults,
    repeated_calls=_one_call_for_each_slot,
    load=Load(questions=100, rate=8),
    latency_seconds=1.0,
)

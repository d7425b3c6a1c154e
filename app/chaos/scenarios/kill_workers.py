"""C1: workers are killed as by a crash, one after the other."""

from __future__ import annotations

import asyncio

from app.chaos.scenario import Facts, Load, Scenario
from app.chaos.stage import CONCURRENCY, Stage

EVERY_SECONDS = 5.0
KILLS, LONG_KILLS = 6, 30


async def _faults(stage: Stage) -> None:
    kills = LONG_KILLS if stage.options.long else KILLS
    for _ in range(kills):
        await asyncio.sleep(EVERY_SECONDS)
        stage.kill_worker(stage.any_worker())
        stage.start_worker()
    stage.figures["kills"] = kills


def _one_call_for_each_slot(facts: Facts) -> float:
    return float(facts.figures["kills"] * CONCURRENCY)


KILL_WORKERS = Scenario(
    name="kill-workers",
    about="SIGKILL a random one of 3 workers every 5 s (6 times, --long 30) while questions arrive",
    promise="2 one row and one final state; 3 a call once more for each crash in the middle of it",
    faults=_faults,
    repeated_calls=_one_call_for_each_slot,
    load=Load(questions=200, rate=6),
    latency_seconds=1.0,
)

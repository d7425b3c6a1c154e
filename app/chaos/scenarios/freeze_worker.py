"""C3: a worker stands still until the group has given its work away, then goes on."""

from __future__ import annotations

import asyncio

from app.chaos.database import changed_ends
from app.chaos.scenario import Facts, Load, Scenario, figure
from app.chaos.stage import CONCURRENCY, Stage

FREEZE_SECONDS = 30.0
AFTER_SECONDS = 10.0


async def _faults(stage: Stage) -> None:
    freezes = 3 if stage.options.long else 1
    changed = 0
    for _ in range(freezes):
        await asyncio.sleep(5)
        zombie = stage.any_worker()
        with stage.fault(f"SIGSTOP {zombie.name}"):
            zombie.freeze()
            await asyncio.sleep(FREEZE_SECONDS)
            ends = await stage.database.ends()
            zombie.thaw()
        await asyncio.sleep(AFTER_SECONDS)
        changed += changed_ends(ends, await stage.database.ends())
    stage.figures |= {"freezes": freezes, "changed_rows": changed}


def _one_call_for_each_slot(facts: Facts) -> float:
    return float(facts.figures["freezes"] * CONCURRENCY)


FREEZE_WORKER = Scenario(
    name="freeze-worker",
    about="SIGSTOP one of 3 workers for 30 s, longer than session and lease, then SIGCONT",
    promise="2 one row and one final state: a worker that comes back overwrites nothing",
    faults=_faults,
    checks=(figure("ended rows that changed after it came back", "changed_rows", 0),),
    repeated_calls=_one_call_for_each_slot,
    load=Load(questions=100, rate=5),
    latency_seconds=1.0,
)

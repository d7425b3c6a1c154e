"""L5: the model server takes ten times as long."""

from __future__ import annotations

import asyncio

from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage
from app.chaos.tampering import members

SLOW_SECONDS, LONG_SECONDS = 60.0, 300.0
LATENCY_SECONDS = 0.3


async def _faults(stage: Stage) -> None:
    await asyncio.sleep(5)
    before = await members(stage.outside.kafka_address, stage.group)
    with stage.fault("the model is ten times slower"):
        await stage.model.answer_with(latency=10 * LATENCY_SECONDS)
        await asyncio.sleep(LONG_SECONDS if stage.options.long else SLOW_SECONDS)
        stage.figures["most_calls_in_flight"] = max(stage.timeline.columns["calls_in_flight"])
        await stage.model.answer_with()
    now = await members(stage.outside.kafka_address, stage.group)
    stage.figures["members_lost"] = len(before - now)


SLOW_MODEL = Scenario(
    name="slow-model",
    about="The model takes ten times as long for 60 s (--long 300)",
    promise="5 one slow model stops nothing: no worker loses its partitions, nothing is repeated",
    faults=_faults,
    checks=(figure("members that left the group", "members_lost", 0),),
    load=Load(questions=100, rate=3),
    latency_seconds=LATENCY_SECONDS,
    settle_seconds=240,
    needs_kafka=True,
)

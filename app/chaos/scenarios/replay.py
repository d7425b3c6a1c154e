"""I2: the group goes back to the beginning of every topic and reads it all again."""

from __future__ import annotations

import asyncio

from app.chaos.database import changed_ends
from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage
from app.chaos.tampering import rewind


async def _nothing(stage: Stage) -> None:
    del stage
    await asyncio.sleep(0)


async def _replay(stage: Stage) -> None:
    rows, calls = await stage.database.ends(), (await stage.model.stats())["calls"]
    for worker in stage.cluster.alive:
        await stage.stop_worker(worker)
    with stage.fault("all offsets set to 0"):
        messages = await rewind(stage.outside.kafka_address, stage.group, stage.topics)
        for _ in range(stage.workers_wanted):
            stage.start_worker()
        await stage.all_ready()
        await stage.all_read()
    stage.figures |= {
        "messages_replayed": messages,
        "changed_rows": changed_ends(rows, await stage.database.ends()),
        "calls_by_replay": (await stage.model.stats())["calls"] - calls,
    }


REPLAY = Scenario(
    name="replay",
    about="All questions end, then the group is set to offset 0 and everything is read again",
    promise="2 one row and one final state; 3 a replay calls no model",
    faults=_nothing,
    afterwards=_replay,
    checks=(
        figure("messages replayed", "messages_replayed", 500, least=True),
        figure("rows changed", "changed_rows", 0),
        figure("model calls by the replay", "calls_by_replay", 0),
    ),
    workers=2,
    load=Load(questions=150, rate=25),
    latency_seconds=0.1,
    settings={"LLM_CONCURRENCY": "16"},
    needs_kafka=True,
)

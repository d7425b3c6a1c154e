"""P1 and P2: PostgreSQL is gone for a while; all its connections break again and again."""

from __future__ import annotations

import asyncio

from app.chaos.outside import back
from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage

DOWN_SECONDS, LONG_DOWN_SECONDS = 30.0, 120.0
EVERY_SECONDS = 2.0
TERMINATIONS, LONG_TERMINATIONS = 10, 60


async def _stop(stage: Stage) -> None:
    await asyncio.sleep(5)
    with stage.fault("PostgreSQL stopped"):
        taken = len(stage.client.traffic.accepted)
        await asyncio.to_thread(stage.outside.postgres.stop)
        await asyncio.sleep(LONG_DOWN_SECONDS if stage.options.long else DOWN_SECONDS)
        stage.figures["taken_meanwhile"] = len(stage.client.traffic.accepted) - taken
        await back(stage.outside.postgres)


async def _terminate(stage: Stage) -> None:
    times = LONG_TERMINATIONS if stage.options.long else TERMINATIONS
    ended = 0
    for _ in range(times):
        await asyncio.sleep(EVERY_SECONDS)
        with stage.fault("all backends terminated"):
            ended += await stage.database.cut_connections()
    stage.figures["backends_terminated"] = ended


POSTGRES_DOWN = Scenario(
    name="postgres-down",
    about="PostgreSQL is stopped for 30 s (--long 120), at 100 questions/s",
    promise="5 intake goes on, no model is called, nothing is lost; 3 no answer is computed twice",
    faults=_stop,
    checks=(figure("questions taken meanwhile", "taken_meanwhile", 1000, least=True),),
    workers=2,
    load=Load(questions=500, rate=100),
    latency_seconds=0.05,
    settings={"LLM_CONCURRENCY": "16"},
    settle_seconds=400,
)

POSTGRES_BACKENDS = Scenario(
    name="postgres-backends",
    about="All connections to PostgreSQL are cut every 2 s, 10 times (--long 60)",
    promise="2 one row and one final state; 3 no answer is computed twice",
    faults=_terminate,
    checks=(figure("connections cut", "backends_terminated", TERMINATIONS, least=True),),
    load=Load(questions=200, rate=15),
)

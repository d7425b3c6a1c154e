"""D1 to D3: the cache hangs, loses everything, and is gone."""

from __future__ import annotations

import asyncio

import redis.asyncio

from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage

PART_SECONDS, LONG_PART_SECONDS = 8.0, 60.0
INTAKE_SECONDS = 2.0


async def _faults(stage: Stage) -> None:
    seconds = LONG_PART_SECONDS if stage.options.long else PART_SECONDS
    server = stage.outside.redis
    await asyncio.sleep(3)
    with stage.fault("Redis SIGSTOP"):
        server.pause()
        await asyncio.sleep(seconds)
        server.resume()
    await asyncio.sleep(3)
    with stage.fault("FLUSHALL"):
        client = redis.asyncio.from_url(server.url)
        await client.flushall()
        await client.aclose()
    await asyncio.sleep(3)
    with stage.fault("Redis killed"):
        server.kill()
        await asyncio.sleep(seconds)


REDIS_DOWN = Scenario(
    name="redis-down",
    about="Redis hangs, is emptied, and is killed for good",
    promise="5 Redis gone never stops the rest: no refusal, no wait that a client would notice",
    faults=_faults,
    checks=(
        figure("questions refused", "refused", 0),
        figure("intake at p99", "intake_p99_seconds", INTAKE_SECONDS, " s"),
    ),
    workers=2,
    load=Load(questions=200, rate=15),
    redis=True,
)

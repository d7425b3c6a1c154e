"""B1: the broker is gone for a while, under a load that does not stop."""

from __future__ import annotations

import asyncio
import time

from app.chaos.outside import back
from app.chaos.scenario import CONSERVATION, Load, Scenario, figure
from app.chaos.stage import Stage

OUTAGES = (5.0, 20.0)
CALM_SECONDS = 3.0
REFUSAL_SECONDS = 3.0
WORKING_AGAIN_SECONDS = 15.0


async def _faults(stage: Stage) -> None:
    slowest = 0.0
    for seconds in OUTAGES * (3 if stage.options.long else 1):
        await asyncio.sleep(CALM_SECONDS)
        kafka = stage.outside.kafka
        with stage.fault(f"Kafka killed for {seconds:.0f} s"):
            kafka.kill()
            await asyncio.sleep(seconds)
            await back(kafka)
        slowest = max(slowest, await _working_again(stage))
    stage.figures["working_again_seconds"] = round(slowest, 1)


async def _working_again(stage: Stage) -> float:
    """Return how long it takes until a question is taken, and another one ends."""
    back_at = time.time()
    taken = len(stage.client.traffic.accepted)
    while time.time() < back_at + 2 * WORKING_AGAIN_SECONDS:
        await asyncio.sleep(0.25)
        if len(stage.client.traffic.accepted) > taken and await stage.database.any_end(back_at):
            break
    return time.time() - back_at


BROKER_DOWN = Scenario(
    name="broker-down",
    about="Kafka is killed for 5 s, then for 20 s (--long three times), at 100 questions/s",
    promise="1 a 202 is on disk: without a broker there is a 503, soon; 5 nothing is lost",
    faults=_faults,
    checks=(
        figure("503 at p99", "refusal_p99_seconds", REFUSAL_SECONDS, " s"),
        figure("questions refused", "refused", 1, least=True),
        figure("working again after", "working_again_seconds", WORKING_AGAIN_SECONDS, " s"),
    ),
    workers=2,
    load=Load(questions=500, rate=100),
    latency_seconds=0.05,
    settings={"LLM_CONCURRENCY": "16"},
    settle_seconds=300,
    needs_kafka=True,
    patience_seconds=3.0,
    common=tuple(check for check in CONSERVATION if check.key != "given_up"),
)

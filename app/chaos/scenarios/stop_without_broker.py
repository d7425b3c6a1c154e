"""B3: workers are stopped while the broker is gone."""

from __future__ import annotations

import asyncio

from app.chaos.outside import back
from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage

STOP_SECONDS = 30.0
LINES_A_SECOND = 10.0
CALM_SECONDS = 5.0


async def _faults(stage: Stage) -> None:
    await asyncio.sleep(CALM_SECONDS)
    kafka = stage.outside.kafka
    with stage.fault("Kafka killed"):
        kafka.kill()
        workers = stage.cluster.alive
        before = [_lines(worker.log) for worker in workers]
        stops = await asyncio.gather(*(stage.stop_worker(worker) for worker in workers))
        await back(kafka)
    rates = [
        (_lines(worker.log) - lines) / max(seconds, 1.0)
        for worker, lines, (_, seconds) in zip(workers, before, stops, strict=True)
    ]
    stage.figures |= {
        "slowest_stop_seconds": round(max(seconds for _, seconds in stops), 1),
        "log_lines_a_second": round(max(rates), 1),
    }
    for _ in workers:
        stage.start_worker()
    await stage.all_ready()


def _lines(log: object) -> int:
    with open(str(log), "rb") as file:  # noqa: PTH123 - a log of ours
        return sum(1 for _ in file)


STOP_WITHOUT_BROKER = Scenario(
    name="stop-without-broker",
    about="Kafka is killed, then both workers get SIGTERM in the middle of their work",
    promise="1 every question ends, also those that a stop interrupted; a stop has an end",
    faults=_faults,
    checks=(
        figure("slowest stop", "slowest_stop_seconds", STOP_SECONDS, " s"),
        figure("log lines", "log_lines_a_second", LINES_A_SECOND, " a second"),
    ),
    workers=2,
    load=Load(questions=100, rate=10),
    latency_seconds=0.7,
    needs_kafka=True,
)

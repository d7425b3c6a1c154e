"""K1: a long time under load with rotating faults: nothing grows, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from app.chaos.cluster import Worker
from app.chaos.outside import back
from app.chaos.scenario import Facts, Load, Scenario, figure
from app.chaos.stage import CONCURRENCY, Stage

SECONDS, LONG_SECONDS = 300.0, 3600.0
FAULT_EVERY_SECONDS = 30.0
#: Memory of a young process grows until its pools, tables and caches are full: the strict limit
#: holds from then on, another one in a run that is over before.
WARM_SECONDS, SHORT_WARM_SHARE = 600.0, 0.3
GROWTH_MIB_A_MINUTE, SHORT_GROWTH_MIB_A_MINUTE = 1.0, 5.0
OPEN_FILES_MORE = 10
_MIB = 2**20


async def _faults(stage: Stage) -> None:
    """Break one thing after the other; the first worker is left alone and watched."""
    seconds = stage.options.seconds or (LONG_SECONDS if stage.options.long else SECONDS)
    watched = stage.cluster.workers[0]
    start, samples = time.monotonic(), list[tuple[float, float, int]]()
    faults = (_kill, _cut, _overload, _stop_broker)
    turn, kills, next_fault = 0, 0, start + FAULT_EVERY_SECONDS
    while time.monotonic() < start + seconds:
        samples.append((time.monotonic() - start, *_look(watched)))
        if time.monotonic() >= next_fault:
            fault = faults[turn % len(faults)]
            kills += fault is _kill
            await fault(stage, watched)
            turn, next_fault = turn + 1, time.monotonic() + FAULT_EVERY_SECONDS
        await asyncio.sleep(1)
    warm_at = WARM_SECONDS if seconds > 2 * WARM_SECONDS else SHORT_WARM_SHARE * seconds
    warm = [each for each in samples if each[0] >= warm_at] or samples
    files = [each[2] for each in warm]
    stage.figures |= {
        "watched_seconds": round(seconds),
        "kills": kills,
        "faults": turn,
        "memory_mib_a_minute": round(_slope([(t, rss) for t, rss, _ in warm]) * 60, 2),
        "open_files_growth": _lowest_growth(files),
        "memory_mib": round(samples[-1][1]),
        "open_files": files[-1],
    }


async def _kill(stage: Stage, watched: Worker) -> None:
    others = [worker for worker in stage.cluster.alive if worker is not watched]
    stage.kill_worker(stage.random.choice(others))
    stage.start_worker()


async def _cut(stage: Stage, watched: Worker) -> None:
    del watched
    with stage.fault("all backends terminated"):
        await stage.database.cut_connections()


async def _overload(stage: Stage, watched: Worker) -> None:
    del watched
    with stage.fault("the model answers 503"):
        await stage.model.answer_with(status=503)
        await asyncio.sleep(5)
        await stage.model.answer_with()


async def _stop_broker(stage: Stage, watched: Worker) -> None:
    del watched
    with stage.fault("Kafka killed for 3 s"):
        stage.outside.kafka.kill()
        await asyncio.sleep(3)
        await back(stage.outside.kafka)


def _look(worker: Worker) -> tuple[float, int]:
    """Return resident memory in MiB and the number of open files of a worker."""
    process = Path(f"/proc/{worker.process.pid}")
    pages = int((process / "statm").read_text().split()[1])
    return pages * 4096 / _MIB, len(list((process / "fd").iterdir()))


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the straight line that fits points best."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def _lowest_growth(values: list[int]) -> int:
    """Return by how much the lowest value rose: connections come and go, a leak lifts them all."""
    half = max(1, len(values) // 2)
    return min(values[half:] or values) - min(values[:half])


def _growth_limit(facts: Facts) -> float:
    long = facts.figures["watched_seconds"] > 2 * WARM_SECONDS
    return GROWTH_MIB_A_MINUTE if long else SHORT_GROWTH_MIB_A_MINUTE


def _one_call_for_each_slot(facts: Facts) -> float:
    return float(facts.figures["kills"] * CONCURRENCY)


SOAK = Scenario(
    name="soak",
    about="5 minutes (--long 60) under load, with a fault of another kind every 30 s",
    promise="all of them, for long; memory, open files stay flat",
    faults=_faults,
    checks=(
        figure("memory growth", "memory_mib_a_minute", _growth_limit, " MiB/min"),
        figure("open files more than at first", "open_files_growth", OPEN_FILES_MORE),
    ),
    repeated_calls=_one_call_for_each_slot,
    load=Load(questions=100, rate=15),
    latency_seconds=0.2,
    settings={"LLM_CONCURRENCY": str(CONCURRENCY * 2), "OVERLOAD_MAX_RETRIES": "20"},
    settle_seconds=240,
    needs_kafka=True,
    by_name_only=True,
)

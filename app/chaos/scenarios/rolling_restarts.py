"""C2: nobody is killed: workers are stopped in good order, one after the other."""

from __future__ import annotations

from app.chaos.scenario import Load, Scenario, figure
from app.chaos.stage import Stage

RESTARTS, LONG_RESTARTS = 10, 30
STOP_SECONDS = 15.0


async def _faults(stage: Stage) -> None:
    restarts = LONG_RESTARTS if stage.options.long else RESTARTS
    codes, slowest = [], 0.0
    for _ in range(restarts):
        code, seconds = await stage.stop_worker(stage.cluster.alive[0])
        codes.append(code)
        slowest = max(slowest, seconds)
        stage.start_worker()
        await stage.all_ready()
    stage.figures |= {
        "restarts": restarts,
        "slowest_stop_seconds": round(slowest, 1),
        "bad_exit_codes": sum(code != 0 for code in codes),
    }


ROLLING_RESTARTS = Scenario(
    name="rolling-restarts",
    about="SIGTERM the oldest of 3 workers and start another, 10 times (--long 30), under load",
    promise="3 a call whose answer arrived is never made again; 2 one row and one final state",
    faults=_faults,
    checks=(
        figure("slowest stop", "slowest_stop_seconds", STOP_SECONDS, " s"),
        figure("stops with an exit code other than 0", "bad_exit_codes", 0),
    ),
    load=Load(questions=100, rate=6),
    latency_seconds=0.7,
)

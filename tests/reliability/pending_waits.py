"""How much memory waits take: python -m tests.reliability.pending_waits FOLDER COUNT

Puts that many failed calls, all to wait for 300 s, on the durable log in FOLDER of an engine in
this process. Prints how many wait, and in MiB the resident memory before and the most there was.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from app.factory import create_app
from app.settings import load_settings
from app.transports import close_storage
from tests.flow.engine import LIMITS, Engine, make_ports, poll
from tests.reliability.waits import failures, put

BATCH = 2000
SECONDS = 120.0


async def main(folder: Path, count: int) -> None:
    settings = load_settings(
        broker="log:", data_dir=folder, database="memory:", scorer="memory:", partitions=8
    )
    app = create_app(settings, make_ports(), LIMITS)
    await app.start()
    engine = Engine(app)
    before = _most_mebibytes()
    for _ in range(count // BATCH):
        await put(engine.log, engine.names.errors_overload, failures(BATCH))

    async def all_wait() -> bool:
        return waiting(engine) >= count

    await poll(all_wait, SECONDS, pause=0.1)
    await engine.idle(SECONDS)
    sys.stdout.write(f"{waiting(engine)} {before:.0f} {_most_mebibytes():.0f}\n")
    await app.stop()
    close_storage(str(app.conf.broker[0]))


def waiting(engine: Engine) -> int:
    """Return how many waits the engine holds, by its own figure."""
    read = engine.context.metrics.registry.get_sample_value("answerloop_retries_waiting")
    return int(read or 0)


def _most_mebibytes() -> float:
    """The most this process had since it began; `ru_maxrss` would begin with its parent's."""
    status = Path("/proc/self/status").read_text()
    [kibibytes] = [int(line.split()[1]) for line in status.splitlines() if line[:6] == "VmHWM:"]
    return kibibytes / 1024


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

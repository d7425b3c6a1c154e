"""Waits at 100,000 pending: how late they are released, what they cost, beside sleeping tasks.

    python -m bench.retries [--pending 100000] [--observe 60] [--burst 5000] [--json]

Failed calls (503) are put on the durable log of a question pipeline in a process of its own (real
embedded log and PostgreSQL, fsync on), told to wait so that their due times spread evenly over ten
minutes. For `--observe` seconds of them, once all are held, the releases are looked at: lateness is
when the request lies on the log, less when it was due. What is released is called by a model in the
process that takes 0.2 s (8 calls at a time: those that wait for it stay on the log), judged and
stored meanwhile. Then `--burst` more, all due at the same moment, among the others.

The peer, in a process of its own, is what one
would write: a task for each that sleeps, and then puts the request into a list: nothing is kept.
uvloop, which both run on, rounds timers to the millisecond: that is how a sleeping task is early.

`blocked`: the longest time the loop did not come round while nothing but the bench's own watch was
added to its work, without what the thread waited for a processor (Linux counts it). Lateness has
such waits in it. Memory is what the process grew by at most, in MiB, from the start of the engine
until the releases were seen. Loading takes about a minute, in which the pipeline's clock stands
still, and counts for nothing but memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.factory import create_app
from app.loop import run
from app.opening import open_store
from app.settings import load_settings
from app.transports import close_storage
from bench.loop_watch import Watch, peak_mib, percentile
from bench.running import run_json
from tests.flow.engine import Engine, make_ports, poll
from tests.reliability.pending_waits import waiting
from tests.reliability.waits import failures, put

SPREAD_SECONDS = 600.0
BATCH = 2_000
CALL_SECONDS = 0.2
#: How fast tasks are made, about: the first is due when all sleep.
PEER_RATE = 50_000.0
MARGIN_SECONDS = 3.0
_PATIENCE_SECONDS = 150.0


async def ours(folder: Path, pending: int, observe: float, burst: int) -> dict[str, float]:
    """Measure the pipeline."""
    settings = load_settings(
        broker="log:",
        database="embedded:",
        scorer="memory:",
        data_dir=folder,
        deadline_seconds=0.0,
        retry_jitter=0.0,
        overload_max_seconds=3_600.0,
    )
    closers: list[Callable[[], Awaitable[None]]] = []
    model = ScriptedModel(lambda _: "An answer", seconds=CALL_SECONDS)
    store, clock = await open_store(settings, closers), StandingClock()
    app = create_app(settings, make_ports(store=store, model=model, clock=clock))
    app.owns_process = True  # as a worker: its collector is part of what is measured
    await app.start()
    engine, before = Engine(app), peak_mib()
    try:
        with clock.standing():
            begin, due = clock.now() + MARGIN_SECONDS, dict[str, float]()
            for start in range(0, pending, BATCH):
                dues = spread(begin, pending, start, min(BATCH, pending - start))
                due |= await put_due(engine, dues, clock.now())
            await poll(lambda: _taken_in(engine), _PATIENCE_SECONDS, pause=0.1)
            held = waiting(engine)
        behind = clock.behind
        await asyncio.sleep(begin - clock.now())
        async with Watch() as watch:
            await asyncio.sleep(observe)
        memory = peak_mib() - before
        watched = {key: at for key, at in due.items() if at < begin + observe}
        released = await _all_released(engine, watched)
        late = [released[key] - behind - at for key, at in watched.items()]
        with clock.standing():
            moment = clock.now() + MARGIN_SECONDS
            many = await put_due(engine, [moment] * burst, clock.now())
            await poll(lambda: _taken_in(engine), _PATIENCE_SECONDS, pause=0.1)
        await asyncio.sleep(MARGIN_SECONDS)
        last = max((await _all_released(engine, many)).values()) - clock.behind
    finally:
        await app.stop()
        close_storage(str(app.conf.broker[0]))
        for close in reversed(closers):
            await close()
    return _figures(late, held, memory, watch, last - moment)


class StandingClock:
    """The pipeline's clock, which stands still while failures are put on the log and taken in.

    A wait is counted from when it is taken in: so all due times are exactly those that were meant,
    however long that takes. It goes on where it stood, `behind` seconds behind the real time.
    """

    def __init__(self) -> None:
        self.behind = 0.0
        self._stands_at: float | None = None

    def now(self) -> float:
        """Return the time in seconds, as Unix time less `behind`."""
        return time.time() - self.behind if self._stands_at is None else self._stands_at

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still meanwhile."""
        self._stands_at = self.now()
        try:
            yield
        finally:
            self.behind = time.time() - self._stands_at
            self._stands_at = None


def spread(first_due: float, pending: int, start: int, count: int) -> list[float]:
    """Return due times of the waits from `start` on, of `pending` over SPREAD_SECONDS.

    Neighbours lie far apart, as in life: not in the order in which they come.
    """
    step, stride = SPREAD_SECONDS / pending, 7_919
    return [first_due + (n * stride % pending) * step for n in range(start, start + count)]


async def put_due(engine: Engine, dues: list[float], now: float) -> dict[str, float]:
    """Put failed calls on the log that are due then, on the pipeline's clock; return when by id."""
    made = failures(len(dues))
    for each, due in zip(made, dues, strict=True):
        each.failed_at, each.retry_after_seconds = now, due - now
    await put(engine.log, engine.names.errors_overload, made)
    return {each.question_id: due for each, due in zip(made, dues, strict=True)}


async def _taken_in(engine: Engine) -> bool:
    """Tell whether every failure is held, stored and acknowledged."""
    return engine.unacknowledged(engine.names.errors_overload) == 0


async def _all_released(engine: Engine, wanted: Collection[str]) -> dict[str, float]:
    """Return when each of these was released (Unix seconds), once all are."""

    async def found() -> dict[str, float] | None:
        messages = engine.messages(engine.names.llm_requests)
        at = {(raw.key or b"").decode(): raw.timestamp for raw in messages}
        return {key: at[key] for key in wanted} if at.keys() >= set(wanted) else None

    released: dict[str, float] = await poll(found, _PATIENCE_SECONDS, pause=1.0)
    return released


async def peer(pending: int, observe: float, burst: int) -> dict[str, float]:
    """The same with one sleeping task for each."""
    before, requests = peak_mib(), list[tuple[float, float]]()

    async def one(due: float, body: object) -> None:
        await asyncio.sleep(due - time.time())
        requests.append((time.time(), due))

    first_due = time.time() + pending / PEER_RATE + MARGIN_SECONDS
    tasks = []
    for start in range(0, pending, BATCH):
        dues = spread(first_due, pending, start, min(BATCH, pending - start))
        made = failures(len(dues))
        tasks += [asyncio.create_task(one(*each)) for each in zip(dues, made, strict=True)]
        await asyncio.sleep(0)
    await asyncio.sleep(first_due - time.time())
    async with Watch() as watch:
        await asyncio.sleep(observe)
    memory, end = peak_mib() - before, first_due + observe - 0.5
    late = [at - due for at, due in requests if due < end]
    moment = time.time() + 1.0
    at_once = [asyncio.create_task(one(moment, each)) for each in failures(burst)]
    await asyncio.wait(at_once)
    last = max(at for at, due in requests if due == moment)
    for task in tasks:
        task.cancel()
    return _figures(late, pending, memory, watch, last - moment)


def _figures(
    late: list[float], held: int, memory: float, watch: Watch, burst_seconds: float
) -> dict[str, float]:
    return {
        "held": held,
        "released": len(late),
        "early": sum(each < 0 for each in late),
        "late_p50_ms": round(percentile(late, 0.5) * 1e3, 1),
        "late_p99_ms": round(percentile(late, 0.99) * 1e3, 1),
        "late_most_ms": round(max(late) * 1e3, 1),
        "rss_mib": round(memory, 1),
        "blocked_ms": round(watch.longest * 1e3, 1),
        "starved_seconds": round(watch.starved, 2),
        "burst_seconds": round(burst_seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--observe", type=float, default=60.0, help="seconds, up to 600")
    parser.add_argument("--burst", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    common = (options.pending, options.observe, options.burst)
    if options.side == "peer":
        print(json.dumps(run(peer(*common))))
    elif options.side == "ours":
        with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as name:
            Path(name).chmod(0o755)
            print(json.dumps(run(ours(Path(name) / "data", *common))))
    else:
        report(options, {side: _side(side, options) for side in ("ours", "peer")})


def _side(side: str, options: argparse.Namespace) -> dict[str, Any]:
    print(f"measuring {side} ...", file=sys.stderr)
    sizes = ("--pending", options.pending, "--observe", options.observe, "--burst", options.burst)
    command = ["-m", "bench.retries", "--side", side, *map(str, sizes)]
    return run_json(command, 4 * _PATIENCE_SECONDS + options.observe)


def report(options: argparse.Namespace, sides: dict[str, dict[str, Any]]) -> None:
    about = {"pending": options.pending, "observe": options.observe, "burst": options.burst}
    if options.json:
        print(json.dumps({**about, **sides}, indent=2))
        return
    print(f"{options.pending:,} pending{'answerloop':>20}{'sleeping tasks':>18}")
    for name in sides["ours"]:
        print(f"{name:18}{sides['ours'][name]:>20}{sides['peer'][name]:>18}")


if __name__ == "__main__":
    main()

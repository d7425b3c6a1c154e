"""The child process of test_disk_full: its files may not grow beyond a limit, then may again.

A limit on the size of files (RLIMIT_FSIZE) fails a write as a full disk does, for this process
alone. Prints what it saw as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.errors import BrokerUnavailable
from app.factory import create_app
from app.intake import Intake, NewQuestion
from app.settings import load_settings
from app.transports import LogError, NewRecord, close_storage, log_url, storage_for
from tests.flow.engine import LIMITS, make_ports, poll

KIB = 1024
WORDS = "long enough to fill the disk soon " * 60


@contextmanager
def full_beyond(folder: Path, spare_bytes: int) -> Iterator[None]:
    """Let no file grow beyond the largest of the log's and a little more."""
    largest = max(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + spare_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


async def log_alone(folder: Path) -> dict[str, Any]:
    """Append until the disk is full, then again; what was acknowledged must be there."""
    url = log_url(folder)
    log = storage_for(url)
    log.create_topic("t", 1)
    acknowledged: list[bytes] = []
    errors: Counter[str] = Counter()

    async def append(name: str) -> bool:
        value = f"{name} {WORDS}".encode()
        try:
            await log.append(NewRecord("t", 0, b"k", value))
        except LogError as error:
            errors[str(error)] += 1
            return False
        acknowledged.append(value)
        return True

    await append("first")
    with full_beyond(folder, 200 * KIB):
        for number in range(1000):
            if not await append(f"full-{number}"):
                break
        refused = [not await append(f"refused-{number}") for number in range(5)]
    mended = [await append(f"after-{number}") for number in range(5)]
    close_storage(url)
    log = storage_for(url)
    there = [record.value for record in log.read(("t", 0), 0, 100_000)]
    close_storage(url)
    return {
        "acknowledged": len(acknowledged),
        "same": there == acknowledged,
        "all_refused_while_full": all(refused),
        "all_taken_after": all(mended),
        "errors": dict(errors),
    }


async def engine(folder: Path) -> dict[str, Any]:
    """Ask until the disk is full, wait, let it grow again; every accepted question must end."""
    settings = load_settings(
        broker="log:", data_dir=folder, database="memory:", scorer="memory:", partitions=2
    )
    ports = make_ports()
    app = create_app(settings, ports, LIMITS)
    await app.start()
    intake = Intake(app.context, 0)
    accepted: list[str] = []
    refusals = 0

    async def ask(number: int) -> bool:
        new = NewQuestion(f"{number} {WORDS}?", "An answer")
        try:
            accepted.append((await intake.take(new)).question_id)
        except BrokerUnavailable:
            return False
        return True

    with full_beyond(folder, 400 * KIB):
        for number in range(2000):
            refusals += not await ask(number)
            if refusals == 5:
                break
        await asyncio.sleep(2.0)
    taken_after = await ask(10_000)

    async def all_end() -> bool:
        known = await ports.store.statuses(accepted)
        return len(known) == len(accepted) and all(s.final for s, _ in known.values())

    await poll(all_end, 60)
    known = await ports.store.statuses(accepted)
    calls = Counter(call.question for call in ports.model.calls)
    await app.stop()
    return {
        "accepted": len(accepted),
        "refusals": refusals,
        "taken_after": taken_after,
        "states": dict(Counter(str(status) for status, _ in known.values())),
        "most_calls_of_one": max(calls.values()),
        "stage_errors": app.context.metrics.total("stage_errors"),
    }


if __name__ == "__main__":
    work = {"log": log_alone, "engine": engine}[sys.argv[1]]
    sys.stdout.write(json.dumps(asyncio.run(work(Path(sys.argv[2])))) + "\n")

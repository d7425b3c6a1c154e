"""Failed calls that have to wait, put straight on a log, and a measure of a busy machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import getrandbits

from app.transports import NewRecord
from app.transports.embedded import Storage
from app.wire import WireGate
from models.questions import LlmFailure

_GATE = WireGate(LlmFailure)
_TICK_SECONDS = 0.01


def failures(count: int, retry_after_seconds: float = 300.0) -> list[LlmFailure]:
    """Return failed calls of questions of their own, all told to wait for so long."""
    now = time.time()
    return [
        LlmFailure(
            question_id=(question_id := f"{getrandbits(128):032x}"),
            question_text=f"Question {question_id}?",
            original_answer="An answer",
            model="scripted",
            accepted_at=now,
            cause="overloaded",
            failed_at=now,
            detail="busy",
            status=503,
            retry_after_seconds=retry_after_seconds,
        )
        for _ in range(count)
    ]


async def put(log: Storage, topic: str, records: list[LlmFailure]) -> None:
    """Append records to a log as `route` would, past Faust."""
    encoded = ((each.question_id.encode(), _GATE.encode(each)) for each in records)
    await asyncio.gather(
        *(
            log.append(NewRecord(topic, log.partition_for(topic, key), key, value))
            for key, value in encoded
        )
    )


class Starvation:
    """For how long this thread had something to do and the machine gave it no processor.

    A loop that is busy with the product's own work is not starved: that time still counts as late.
    """

    def __init__(self) -> None:
        self._gaps: list[tuple[float, float]] = []

    def between(self, start: float, end: float) -> float:
        """Return the seconds that were lost between two times (Unix seconds)."""
        return sum(lost for at, lost in self._gaps if start <= at <= end + 2 * _TICK_SECONDS)

    async def watch(self) -> None:
        """Note the gaps until cancelled."""
        while True:
            woken, used = time.monotonic(), time.thread_time()
            await asyncio.sleep(_TICK_SECONDS)
            late = time.monotonic() - woken - _TICK_SECONDS
            lost = late - (time.thread_time() - used)
            if lost > 0:
                self._gaps.append((time.time(), lost))


@asynccontextmanager
async def starvation() -> AsyncIterator[Starvation]:
    """Watch it meanwhile."""
    seen = Starvation()
    task = asyncio.create_task(seen.watch())
    try:
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

"""The two timers: they say which waits are over; `hold` alone releases them."""

from __future__ import annotations

import traceback

from agents.context import Context
from agents.waits import Draining, Outgoing, publish
from app.core.due import Wait
from app.core.retry import RetryKind
from models.questions import RetryDue
from tables.retries import Retries

#: Most waits that one tick announces: the rest follows at the next.
BATCH = 2000


async def announce_due(context: Context, table: Retries, kind: RetryKind) -> int:
    """Send a `RetryDue` for each wait of `kind` that is over; return how many."""
    due = table.due.take_due(context.now(), str(kind), BATCH)
    await publish(context, [_announcement(context, table, wait) for wait in due])
    return len(due)


def _announcement(context: Context, table: Retries, wait: Wait) -> Outgoing:
    record = RetryDue(
        question_id=wait.question_id,
        round=wait.turn.round,
        generation=wait.turn.generation,
        attempt=wait.turn.attempt,
        due_at=wait.due_at,
    )
    held = table.get(wait.question_id) if context.tracing.on else None
    carrier = held.carrier if held is not None else None
    headers = carrier.headers if carrier is not None else None
    return Outgoing(context.names.retries_due, wait.question_id, record, headers)


def register(context: Context, table: Retries) -> None:
    """Declare a timer for each retry topic. A timer never raises: that would end the worker."""
    seconds = context.limits.timer_seconds

    async def tick(kind: RetryKind) -> None:
        if context.app.rebalancing or context.app.consumer.draining.is_set():
            return
        try:
            await announce_due(context, table, kind)
        except Draining:
            return  # the next owner announces them
        except Exception:  # noqa: BLE001 (the stage boundary)
            context.metrics.count("stage_errors", f"release_{kind}")
            context.log.error("timer_failed", kind=str(kind), error=traceback.format_exc())

    @context.app.timer(interval=seconds, name="release_overload")
    async def release_overload() -> None:
        await tick(RetryKind.OVERLOAD)

    @context.app.timer(interval=seconds, name="release_quota")
    async def release_quota() -> None:
        await tick(RetryKind.QUOTA)

    context.metrics.watch("retries_waiting", lambda: len(table.due))

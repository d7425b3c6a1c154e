"""`hold`: keeps failed calls back until they are due. Owns table `retries`; never sleeps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import faust

from agents.arrivals import read_chunks
from agents.context import Context
from agents.endings import dead_letter, deadline_letter, ended_before, past_deadline
from agents.waits import Outgoing, publish, until_up
from app.core.holding import Bury, Held, Hold, Ignore, on_due, on_failure, on_settled
from app.core.lifecycle import Turn
from app.core.retry import RetryKind
from app.ports import Waiting
from app.topology import received
from app.tracing import Carrier
from app.tracing.port import EndedWait
from app.wire import Arrival, Chunk, WireGate
from models.questions import LlmFailure, LlmRequest, QuestionSettled, RetryDue
from tables.retries import HeldCall, Retries

STAGE = "hold"
_GATE = WireGate(LlmRequest)


class Entry(NamedTuple):
    """A question's state as the chunk leaves it."""

    held: Held
    failed_at: float
    request: str | None
    carrier: Carrier | None = None


async def handle(table: Retries, context: Context, chunk: Chunk) -> None:
    """Decide on all in order, store and send all, then change the table."""
    partition = chunk[0].partition
    changed: dict[str, Entry] = {}
    outgoing: list[Outgoing] = []
    waits: list[Waiting] = []
    ended = await _ended_though_late(context, chunk)
    for arrival in chunk:
        before = _entry(table, changed, arrival.value.question_id)
        match arrival.value:
            case LlmFailure() as failure if (failure.question_id, failure.turn) in ended:
                context.metrics.count("repeats_dropped")
            case LlmFailure():
                _on_failure(context, arrival, before, changed, outgoing, waits)
            case RetryDue() as due:
                _on_due(context, due, before, changed, outgoing)
            case QuestionSettled() as settled:
                _on_settled(settled, before, changed)
    if waits:
        store = context.ports.store
        for question_id in await until_up(context, "database", lambda: store.waiting(waits)):
            # A failure from before its round's end, replayed after the table forgot it.
            changed.pop(question_id, None)
    await publish(context, outgoing)
    for question_id, entry in changed.items():
        held, failed_at, request, carrier = entry
        table.put(question_id, held, partition, failed_at, request, carrier)
    table.forget_old(partition, context.now())


async def _ended_though_late(context: Context, chunk: Chunk) -> set[tuple[str, Turn]]:
    """Return the failures past their deadline whose question has its end already."""
    late = [
        each.value
        for each in chunk
        if isinstance(each.value, LlmFailure) and past_deadline(context, each.value)
    ]
    if not late:
        return set()
    ended = await ended_before(context, late)
    return {(each.question_id, each.turn) for each in late if each.question_id in ended}


def _entry(table: Retries, changed: dict[str, Entry], question_id: str) -> Entry | None:
    if question_id in changed:
        return changed[question_id]
    stored: HeldCall | None = table.get(question_id)
    if stored is None:
        return None
    return Entry(stored.held, stored.failed_at, stored.request, stored.carrier)


def _on_failure(
    context: Context,
    arrival: Arrival,
    before: Entry | None,
    changed: dict[str, Entry],
    outgoing: list[Outgoing],
    waits: list[Waiting],
) -> None:
    failure: LlmFailure = arrival.value
    if past_deadline(context, failure):
        outgoing.append(deadline_letter(context, arrival))
        return
    quota = arrival.topic == context.names.errors_quota
    decision = on_failure(
        before.held if before else None,
        failure.turn,
        RetryKind.QUOTA if quota else RetryKind.OVERLOAD,
        failure.retry_after_seconds,
        context.limits.policy,
        context.now(),
        context.random.random(),
    )
    match decision:
        case Ignore():
            return
        case Bury(held, cause):
            context.metrics.count("dead_letters", cause)
            detail = f"the last of {held.overloads + held.quotas} retries failed: {failure.cause}"
            outgoing.append(dead_letter(context, arrival, cause, f"{detail}: {failure.detail}"))
            changed[failure.question_id] = Entry(held, failure.failed_at, None)
        case Hold(held) if failure.past_deadline(held.due_at or 0.0):
            # Its next call would come too late: it need not wait to be told so.
            outgoing.append(deadline_letter(context, arrival))
            changed[failure.question_id] = Entry(
                replace(held, due_at=None), failure.failed_at, None
            )
        case Hold(held):
            context.metrics.count("retries_scheduled", str(held.kind))
            request = {**failure.carried(), "attempt": failure.attempt + 1}
            text = _GATE.encode_fields(request).decode()
            carrier = context.tracing.carrier(failure.question_id)
            changed[failure.question_id] = Entry(held, failure.failed_at, text, carrier)
            due_at = held.due_at or 0.0
            waits.append(Waiting(failure.question_id, failure.turn, due_at, failure.cause))


def _on_due(
    context: Context,
    due: RetryDue,
    before: Entry | None,
    changed: dict[str, Entry],
    outgoing: list[Outgoing],
) -> None:
    decision = on_due(
        before.held if before else None, due.turn, context.now(), by_operator=due.early
    )
    if before is None or before.request is None or isinstance(decision, Ignore):
        return
    request = _GATE.decode(before.request.encode())
    waited = max(0.0, context.now() - before.failed_at)
    _trace_wait(context, due, before)
    outgoing.append(
        Outgoing(context.names.llm_requests, due.question_id, request.derive(waited_seconds=waited))
    )
    context.metrics.count("retries_released")
    if before.held.due_at is not None and not due.early:
        context.metrics.observe("retry_lateness_seconds", context.now() - before.held.due_at)
    changed[due.question_id] = Entry(decision, before.failed_at, None)


def _trace_wait(context: Context, due: RetryDue, before: Entry) -> None:
    held = before.held
    wait = EndedWait(
        due.question_id,
        *held.failed,
        kind=str(held.kind),
        began_at=before.failed_at,
        due_at=held.due_at,
        early=due.early,
    )
    context.tracing.waited(wait, before.carrier)


def _on_settled(settled: QuestionSettled, before: Entry | None, changed: dict[str, Entry]) -> None:
    decision = on_settled(before.held if before else None, settled.round, settled.settled_at)
    if before is not None and not isinstance(decision, Ignore):
        changed[settled.question_id] = Entry(decision, before.failed_at, None)


def register(context: Context, table: Retries) -> None:
    """Declare the one agent on both retry topics, `retries-due` and `questions-settled`."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def hold_agent(stream: faust.Stream) -> None:
        """Failed calls wait here in table `retries` until a timer says that they are due."""
        await read_chunks(context, STAGE, stream, partial(handle, table))

"""Reading events: packed chunks for quick stages, many events in flight for slow ones.

An agent body never raises. What can't be read goes to the dead letters before it is
acknowledged, and so does what a stage stumbles over; what a rebalance or a stop interrupts is
given back.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import faust

from agents.context import Context
from agents.endings import internal_error_letter, rejected_letter
from agents.waits import Draining, interruptible, publish, raise_if_draining
from app.wire import Arrival, Chunk, Rejected

HandleChunk = Callable[[Context, Chunk], Awaitable[None]]
HandleOne = Callable[[Context, Arrival], Awaitable[None]]
Work = Callable[[Any], Awaitable[None]]
#: Splits a chunk into what goes on, and what waits while a flood has stopped the intake.
HoldBack = Callable[[Context, Chunk], tuple[Chunk, Chunk]]

#: Chunks that a quick stage has in hand: those of one partition wait for each other.
CHUNKS_IN_HAND = 64


async def read_chunks(
    context: Context,
    stage: str,
    stream: faust.Stream,
    handle: HandleChunk,
    hold_back: HoldBack | None = None,
) -> None:
    """Run `handle` on each chunk: in order within a partition number, side by side across them.

    A partition number is one lane over all topics of the agent, because their keys share a table.
    What `hold_back` keeps of a chunk waits beside the lane: others may pass it meanwhile.
    """
    lanes: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def in_lane(partition: int, chunk: Chunk) -> None:
        lane = lanes[partition]
        with context.waiting_for("its turn"):
            await lane.acquire()
        try:
            await _whole_chunk(context, stage, chunk, handle)
        finally:
            lane.release()

    async def work(event: Any) -> None:
        partition, chunk = event.message.partition, event.value
        going, held = hold_back(context, chunk) if hold_back is not None else (chunk, [])
        if going:
            await in_lane(partition, going)
        while held:
            count = await _let_in(context, len(held))
            await in_lane(partition, held[:count])
            held = held[count:]

    await _read(context, stage, stream, CHUNKS_IN_HAND, work)


async def read_concurrently(
    context: Context, stage: str, stream: faust.Stream, limit: int, handle: HandleOne
) -> None:
    """Run `handle` on up to `limit` events at once, in no order."""

    async def work(event: Any) -> None:
        await _one(context, stage, arrival_of(event), handle)

    await _read(context, stage, stream, limit, work)


async def _read(context: Context, stage: str, stream: faust.Stream, limit: int, work: Work) -> None:
    """Start `work` on up to `limit` events at once; each is acknowledged after its own."""
    slots = asyncio.Semaphore(limit)
    async for event in stream.noack().events():
        try:
            await interruptible(context, slots.acquire(), grace_seconds=0)
        except Draining:
            _give_back(context, stage, event)
            continue
        # The task's copy of the context holds the current event: table writes need it.
        task = asyncio.create_task(_to_the_end(context, stage, event, work))
        context.hold(event, task)
        task.add_done_callback(lambda _: slots.release())


async def _to_the_end(context: Context, stage: str, event: Any, work: Work) -> None:
    """Work on one event: it is acknowledged, or given back. Never raises."""
    try:
        raise_if_draining(context)
        with context.waiting_for.in_hand(stage, event):
            await work(event)
    except Draining:
        _give_back(context, stage, event)
    except asyncio.CancelledError:
        _give_back(context, stage, event)
        raise
    except Exception:  # noqa: BLE001 (not even its dead letter could be written: it comes again)
        context.log.error("not_buried", stage=stage, error=traceback.format_exc())
        _give_back(context, stage, event)
    else:
        event.ack()


async def _let_in(context: Context, waiting: int) -> int:
    """Wait, interruptibly, until a flood lets some in; return how many."""
    with context.waiting_for("the end of a flood"):
        return await interruptible(
            context, context.flood.leave(waiting, context.now), grace_seconds=0
        )


async def _one(context: Context, stage: str, arrival: Arrival, handle: HandleOne) -> None:
    _observe_wait(context, stage, [arrival])
    started = perf_counter()
    trace_id = None
    if isinstance(arrival.value, Rejected):
        await _bury_rejected(context, stage, [arrival])
    else:
        trace_id = await _guarded(context, stage, arrival, handle)
    context.metrics.observe("stage_seconds", perf_counter() - started, stage, trace_id=trace_id)


async def _whole_chunk(context: Context, stage: str, chunk: Chunk, handle: HandleChunk) -> None:
    raise_if_draining(context)
    _observe_wait(context, stage, chunk)
    started = perf_counter()
    await _good_and_rejected(context, stage, chunk, handle)
    context.metrics.observe("stage_seconds", perf_counter() - started, stage, times=len(chunk))


async def _good_and_rejected(
    context: Context, stage: str, chunk: Chunk, handle: HandleChunk
) -> None:
    rejected = [arrival for arrival in chunk if isinstance(arrival.value, Rejected)]
    good = [arrival for arrival in chunk if not isinstance(arrival.value, Rejected)]
    if rejected:
        await _bury_rejected(context, stage, rejected)
    if not good:
        return
    try:
        with context.tracing.stage(stage, good):
            await handle(context, good)
    except Draining:
        raise
    except Exception:  # noqa: BLE001 (the stage boundary: see below)
        context.log.warning(
            "chunk_failed", stage=stage, size=len(good), error=traceback.format_exc()
        )

        async def alone(context: Context, arrival: Arrival) -> None:
            await handle(context, [arrival])

        for arrival in good:
            await _guarded(context, stage, arrival, alone)


def _observe_wait(context: Context, stage: str, chunk: Chunk) -> None:
    """Note for how long messages have lain on their topic: since their time stamps."""
    now = context.now()
    context.metrics.observe_all("queue_seconds", (now - each.timestamp for each in chunk), stage)


async def _guarded(context: Context, stage: str, arrival: Arrival, handle: HandleOne) -> str | None:
    """Handle one message; an unexpected error is logged and dead-letters it.

    Returns its trace's id, where there is one.
    """
    with context.tracing.stage(stage, [arrival]) as span:
        try:
            await handle(context, arrival)
        except Draining:
            raise
        except Exception as error:  # noqa: BLE001 (the stage boundary: nothing may be lost)
            span.failed(error)
            context.metrics.count("stage_errors", stage)
            context.log.error("stage_error", stage=stage, error=traceback.format_exc())
            await _bury_broken(context, stage, arrival, error)
        return span.trace_id


async def _bury_broken(context: Context, stage: str, arrival: Arrival, error: Exception) -> None:
    try:
        await publish(context, [internal_error_letter(context, stage, arrival, error)])
    except ValueError:  # the question itself can't be written again: keep its bytes alone
        bare = replace(arrival, value=None)
        await publish(context, [internal_error_letter(context, stage, bare, error)])


async def _bury_rejected(context: Context, stage: str, rejected: list[Arrival]) -> None:
    with context.tracing.stage(stage, rejected):
        await publish(context, [rejected_letter(context, arrival) for arrival in rejected])
    context.metrics.count("dead_letters", "rejected", by=len(rejected))


def _give_back(context: Context, stage: str, event: Any) -> None:
    context.metrics.count("events_released", stage)
    context.app.consumer.release(event)


def arrival_of(event: Any) -> Arrival:
    """Return a single event as an arrival."""
    message = event.message
    return Arrival(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        event.value,
        message.headers,
    )

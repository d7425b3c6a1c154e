"""The state that a chunk is applied to: loaded when first needed, and checked with the log."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence

from faust.types import TP

from agents.ratings.context import RatingsContext
from agents.ratings.partitions import Partition
from agents.waits import Draining, interruptible, until_up
from app.core.ratings.changes import MovieTotal
from app.core.ratings.state import PartitionState


async def state_for(
    context: RatingsContext, partition: Partition, first: int, last: int
) -> PartitionState:
    """Return the state that knows every offset below `first`, loaded if need be.

    Waits while the store is away. Raises Draining when the chunk `first..last` is to be given
    back: the log was asked to deliver from where the state stands.
    """
    state = partition.state
    if state is not None and first > state.next_offset:  # another worker has gone on
        partition.drop()
        state = None
    if state is None:
        state = await load(context, partition)
    elif last < state.next_offset:
        await _refuse_another_log(context, partition, state)
    if first > state.next_offset:
        _ask_for_what_is_missing(context, partition, state, first)
    partition.asked_from = None
    return state


async def load(context: RatingsContext, partition: Partition) -> PartitionState:
    """Load a partition's state, and check that it is of this log. The lane has to be held."""
    number = partition.number
    stored = await until_up(context, "database", lambda: context.ports.store.load(number))
    # A second for each million ratings: too long for the event loop.
    state = await interruptible(context, asyncio.to_thread(PartitionState, number, stored))
    movies = await asyncio.to_thread(state.movies)
    await _refuse_another_log(context, partition, state)
    partition.state = state
    _tell_the_recommender(context, number, movies)
    context.log.info(
        "ratings_loaded", partition=number, next_offset=state.next_offset, ratings=state.ratings
    )
    return state


def _tell_the_recommender(
    context: RatingsContext, number: int, movies: Sequence[MovieTotal]
) -> None:
    try:
        context.ports.recommender.restore(number, movies)
    except Exception:  # noqa: BLE001 (a recommender that fails costs its own figures only)
        context.metrics.count("stage_errors", "recommender")
        context.log.error("recommender_failed", error=traceback.format_exc())


async def _refuse_another_log(
    context: RatingsContext, partition: Partition, state: PartitionState
) -> None:
    """Offsets that are known come again after a crash. Beyond the log's end they are another's."""
    tp = TP(context.names.ratings, partition.number)

    async def end_of_log() -> int:
        return int((await context.app.consumer.highwaters(tp)).get(tp) or 0)

    end = await until_up(context, "broker", end_of_log) if state.next_offset else 0
    if end >= state.next_offset:
        return
    context.blocked = (
        f"{tp.topic}[{tp.partition}] ends at offset {end}, but ratings up to "
        f"{state.next_offset} are stored: the log was deleted or replaced. "
        "`answerloop ratings reset` forgets what is stored and counts the log anew"
    )
    context.log.error("ratings_blocked", reason=context.blocked)
    try:
        with context.waiting_for("answerloop ratings reset"):
            await interruptible(context, asyncio.Event().wait(), grace_seconds=0)
    finally:
        context.blocked = None  # whoever gets the partition next looks anew


def _ask_for_what_is_missing(
    context: RatingsContext, partition: Partition, state: PartitionState, first: int
) -> None:
    """The store is behind the group: it was reset or restored, or the log has lost some."""
    if partition.asked_from != state.next_offset:
        partition.asked_from = state.next_offset
        context.log.warning(
            "ratings_read_again",
            partition=partition.number,
            from_offset=state.next_offset,
            to_offset=first,
        )
        tp = TP(context.names.ratings, partition.number)
        context.app.consumer.deliver_from(tp, state.next_offset)
        raise Draining
    context.log.error(
        "ratings_missing",
        partition=partition.number,
        from_offset=state.next_offset,
        to_offset=first,
        why="the log does not have them any more",
    )
    state.passed(first)

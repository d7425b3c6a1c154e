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


class ReadAgain(Draining):
    """The log was asked to deliver a partition from where its state stands."""


def is_behind(context: RatingsContext, partition: Partition) -> bool:
    """Tell whether a partition has no state, or one that nobody brings up to the group's offset.

    A chunk in flight looks for itself when its turn comes.
    """
    return partition.state is None or partition.state.next_offset < stands_at(
        context, partition.number
    )


def stands_at(context: RatingsContext, number: int) -> int:
    """Return which offset of a partition is delivered next; 0 while a chunk of it is in flight."""
    head = context.app.consumer.heads().get(TP(context.names.ratings, number))
    return head.offset if head is not None and head.why == "unfetched" else 0


async def state_for(
    context: RatingsContext, partition: Partition, first: int, last: int
) -> PartitionState:
    """Return the state that knows every offset below `first`, loaded if need be.

    Waits while the store is away. Raises Draining when the chunk `first..last` is to be given
    back: ReadAgain when the log was asked to deliver from where the state stands.
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
        await _go_on_from(context, partition, state, first)
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


async def _go_on_from(
    context: RatingsContext, partition: Partition, state: PartitionState, first: int
) -> None:
    """The store is behind the group: it was reset or restored, or the log has lost some.

    Only the log's own start tells what is lost: a rebalance moves delivery back to the group's
    offset at any time. Raises ReadAgain unless nothing below `first` is left to read.
    """
    tp = TP(context.names.ratings, partition.number)

    async def start_of_log() -> int:
        return int((await context.app.consumer.earliest_offsets(tp)).get(tp) or 0)

    start = await until_up(context, "broker", start_of_log)
    if partition.state is not state:
        raise Draining  # it became void meanwhile
    if start > state.next_offset:
        lost_to = min(start, first)
        context.log.error(
            "ratings_missing",
            partition=partition.number,
            from_offset=state.next_offset,
            to_offset=lost_to,
            why="the log does not have them any more",
        )
        state.passed(lost_to)
    if first > state.next_offset:
        context.log.warning(
            "ratings_read_again",
            partition=partition.number,
            from_offset=state.next_offset,
            to_offset=first,
        )
        context.app.consumer.deliver_from(tp, state.next_offset)
        raise ReadAgain

"""Compaction: a journal that is mostly ratings that were replaced is merged, beside the stream."""

from __future__ import annotations

import asyncio
import traceback

from agents.ratings.context import RatingsContext
from agents.ratings.partitions import Partition
from app.core.ratings.segments import merged
from app.errors import StoreUnavailable

#: After a merge that did not come about.
_PAUSE_SECONDS = 30.0


def merge_if_worth_it(context: RatingsContext, partition: Partition) -> None:
    """Start merging the journal of a partition when it is time; one merge at a time."""
    state, merging = partition.state, partition.merging
    if state is None or not state.worth_merging or not (merging is None or merging.done()):
        return
    partition.merging = asyncio.create_task(_merge(context, partition))


async def _merge(context: RatingsContext, partition: Partition) -> None:
    """Merge what is stored: a function of the store alone, so the stream goes on meanwhile."""
    store, state = context.ports.store, partition.state
    try:
        stored = await store.load(partition.number)
        bodies = await asyncio.to_thread(merged, stored.segments)
        if await store.merge(partition.number, stored.next_offset, bodies):
            before, after = sum(map(len, stored.segments)), sum(map(len, bodies))
            if state is not None:
                state.journal_bytes += after - before
                state.segments += len(bodies) - len(stored.segments)
            context.log.info(
                "ratings_merged", partition=partition.number, before=before, after=after
            )
            return
    except StoreUnavailable:
        context.metrics.count("db_errors")
    except Exception:  # noqa: BLE001 (the stage boundary: a longer journal is no loss)
        context.metrics.count("stage_errors", "compaction")
        context.log.error("merge_failed", error=traceback.format_exc())
    await asyncio.sleep(_PAUSE_SECONDS)

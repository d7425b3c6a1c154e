"""The flusher: about each second, what changed and its offset in one transaction by partition."""

from __future__ import annotations

import asyncio
import traceback
from time import monotonic

from agents.ratings.compaction import merge_if_worth_it
from agents.ratings.context import RatingsContext
from agents.ratings.partitions import Partition, Partitions
from app.core.ratings.changes import Changes
from app.errors import StoreUnavailable
from app.tracing.port import Facts

STAGE = "statistics"
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


class Flusher:
    """Saves as long as something is not saved; it has a task of its own only then."""

    def __init__(self, context: RatingsContext, partitions: Partitions) -> None:
        self._context = context
        self._partitions = partitions
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._next_at = 0.0
        self._failures = 0

    def needed(self, at_once: bool = False) -> None:
        """There is something to save. `at_once`: do not wait for the second to be over."""
        if at_once:
            self._hurry.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while any(partition.unsaved for partition in self._partitions):
            try:
                await self._pause()
                await self.flush()
            except Exception:  # noqa: BLE001 (the stage boundary: a save that fails is tried again)
                self._failures += 1
                self._context.metrics.count("stage_errors", STAGE)
                self._context.log.error("flush_failed", error=traceback.format_exc())

    async def _pause(self) -> None:
        """Wait until the next save is due; a drain waits only after a failure."""
        draining = self._context.app.consumer.draining
        if self._failures:
            pause = _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 5)
            await asyncio.sleep(min(pause, _LONGEST_PAUSE_SECONDS))
            return
        seconds = self._next_at - monotonic()
        if seconds <= 0 or draining.is_set() or self._hurry.is_set():
            return
        alarms = [asyncio.ensure_future(each.wait()) for each in (draining, self._hurry)]
        try:
            await asyncio.wait(alarms, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for alarm in alarms:
                alarm.cancel()

    async def flush(self) -> None:
        """Save every partition that has changed, side by side."""
        self._hurry.clear()
        began = monotonic()
        forget_others(self._context, self._partitions)
        results = await asyncio.gather(
            *(self._save(partition) for partition in self._partitions if partition.unsaved)
        )
        self._failures = 0 if all(results) else self._failures + 1
        took = monotonic() - began
        self._next_at = began + max(self._context.limits.flush_seconds, 3 * took)

    async def _save(self, partition: Partition) -> bool:
        """Save one partition; False when the store is away."""
        state = partition.state
        if state is None or state.saving:
            return True
        recommendations, partition.recommendations = partition.recommendations, {}
        changes = state.take(tuple(recommendations.values()))
        chunks, partition.applied = partition.applied, []
        try:
            with self._context.tracing.work("save", chunks) as span:
                span.note(_told(changes, len(chunks)))
                fenced = not await self._context.ports.store.save(changes)
                if fenced:
                    span.note({"error.type": "fenced"})
        except BaseException as error:
            state.not_saved()
            if partition.state is state:
                partition.recommendations = recommendations | partition.recommendations
                partition.applied[:0] = chunks
            if not isinstance(error, StoreUnavailable):
                raise
            self._store_is_away(error)
            return False
        if fenced:
            state.not_saved()
            if partition.state is state:
                self._fenced(partition, changes)
            return True
        state.saved()
        if partition.state is not state:
            return True
        partition.settle()
        merge_if_worth_it(self._context, partition)
        return True

    def _fenced(self, partition: Partition, changes: Changes) -> None:
        """Somebody else has gone on with the partition: what we have is void, and loaded anew."""
        self._context.metrics.count("ratings_fenced")
        self._context.log.warning(
            "ratings_fenced", partition=partition.number, from_offset=changes.from_offset
        )
        partition.drop()

    def _store_is_away(self, error: StoreUnavailable) -> None:
        context = self._context
        context.metrics.count("db_errors")
        context.outages.failed(context.now())
        if not self._failures:
            context.log.warning("waiting", for_what="database", reason=str(error)[:300])


def _told(changes: Changes, chunks: int) -> Facts:
    return {
        "messaging.destination.partition.id": str(changes.partition),
        "answerloop.from_offset": changes.from_offset,
        "answerloop.next_offset": changes.next_offset,
        "answerloop.chunks": chunks,
        "answerloop.movies": len(changes.movies),
        "answerloop.recommendations": len(changes.recommendations),
        "answerloop.segment_bytes": len(changes.segment),
    }


def owned(context: RatingsContext) -> set[int]:
    """Return the numbers of the partitions that this worker has."""
    topic = context.names.ratings
    return {tp.partition for tp in context.app.consumer.assignment() if tp.topic == topic}


def forget_others(context: RatingsContext, partitions: Partitions) -> None:
    """Drop what we still hold of partitions that a rebalance has given to others.

    Nothing is dropped while it may come straight back.
    """
    if context.app.rebalancing or context.app.consumer.draining.is_set():
        return
    ours = owned(context)
    for partition in partitions.loaded():
        if partition.number in ours or partition.waited_for or partition.state is None:
            continue
        users = partition.state.users()
        partition.drop()
        context.log.info("ratings_given_up", partition=partition.number)
        try:
            context.ports.recommender.forget(users)
        except Exception:  # noqa: BLE001 (a recommender that fails costs its own figures only)
            context.metrics.count("stage_errors", "recommender")

"""`statistics`: reads chunks of ratings into the exact state, and acknowledges what is stored."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import faust

from agents.ratings.context import RatingsContext
from agents.ratings.flushing import STAGE, Flusher, forget_others, owned
from agents.ratings.loading import ReadAgain, is_behind, stands_at, state_for
from agents.ratings.measuring import Meter
from agents.ratings.partitions import Partition, Partitions
from agents.ratings.recommending import Waiting
from agents.ratings.refusing import bury
from agents.waits import Draining, interruptible, raise_if_draining
from app.core.ratings.events import RatingLike, RatingLimits, Refusal
from app.core.ratings.state import Applied, PartitionState
from app.topology import received
from app.tracing.port import BatchSpan
from app.transports import RawRecord
from app.wire import RatingSchema
from app.wire.ratings import RatingReader


class Statistics:
    """Reads the chunks of all partitions: in order within one, side by side across them."""

    def __init__(
        self,
        context: RatingsContext,
        partitions: Partitions,
        flusher: Flusher,
        waiting: Waiting,
        meter: Meter,
    ) -> None:
        self._context = context
        self._partitions = partitions
        self._flusher = flusher
        self._waiting = waiting
        self._meter = meter
        limits = context.limits
        self._reader = RatingReader(RatingLimits(limits.max_user_id, limits.max_movie_id))
        self._in_hand = 0
        self._room = asyncio.Event()
        self._learns = True

    async def read(self, stream: faust.Stream) -> None:
        """Take chunks while there is room; each is acknowledged when a save has covered it."""
        context = self._context
        async for event in stream.noack().events():
            if event.message.acked:
                continue  # void: it was taken back while it was queued
            try:
                await interruptible(context, self._until_room(), grace_seconds=0)
            except Draining:
                self._give_back(event)
                continue
            self._in_hand += len(event.value)
            task = asyncio.create_task(self._to_the_end(event))
            context.hold(event, task)
            task.add_done_callback(self._leaves(len(event.value)))

    async def _until_room(self) -> None:
        """Memory is bounded: while the store is away, the log keeps the rest."""
        while self._in_hand >= self._context.limits.max_unsaved:
            self._flusher.needed(at_once=True)
            self._room.clear()
            await self._room.wait()

    def _leaves(self, count: int) -> Callable[[Any], None]:
        def leave(_: Any) -> None:
            self._in_hand -= count
            self._room.set()

        return leave

    async def _to_the_end(self, event: Any) -> None:
        """Work on one chunk: it is acknowledged, or given back. Never raises."""
        context = self._context
        try:
            raise_if_draining(context)
            with (
                context.waiting_for.in_hand(STAGE, event),
                context.tracing.batch(STAGE, event.value, context.now()) as span,
            ):
                saved = await self._take_in(event, span)
                with context.waiting_for("its flush"):
                    await interruptible(context, saved)
        except Draining:
            self._give_back(event)
        except asyncio.CancelledError:
            self._give_back(event)
            raise
        except Exception:  # noqa: BLE001 (the stage boundary: nothing may be lost)
            context.metrics.count("stage_errors", STAGE)
            context.log.error("stage_error", stage=STAGE, error=traceback.format_exc())
            self._partitions[event.message.partition].drop()  # it may be half applied
            self._give_back(event)
        else:
            event.ack()

    async def load_all(self) -> None:
        """Load the partitions that are ours now, forget those of others. Never raises.

        Their first chunk would do it: but there may be none for long, and recommendations due, or
        ratings to be read again.
        """
        context = self._context
        forget_others(context, self._partitions)
        for number in owned(context):
            partition = self._partitions[number]
            if partition.lane.locked() or not is_behind(context, partition):
                continue
            try:
                raise_if_draining(context)
                async with partition.lane:
                    if is_behind(context, partition):
                        first = stands_at(context, number)
                        await self._state_for(partition, first, first)
                        self._flusher.needed()  # what the log has no more may be passed
            except ReadAgain:
                continue
            except Draining:
                return
            except Exception:  # noqa: BLE001 (the stage boundary)
                context.metrics.count("stage_errors", "loading")
                context.log.error("loading_failed", error=traceback.format_exc())

    async def _take_in(self, event: Any, span: BatchSpan) -> asyncio.Future[None]:
        """Apply a chunk; return what is done when its offsets are stored."""
        context, partition = self._context, self._partitions[event.message.partition]
        with context.waiting_for("its turn"):
            await partition.lane.acquire()
        try:
            raise_if_draining(context)
            if event.message.acked:
                raise Draining  # void
            started = perf_counter()
            first = context.app.consumer.begins(event, event.value[0].offset)
            saved = await self._chunk(partition, first, event.value, span)
            seconds, count = perf_counter() - started, len(event.value)
            context.metrics.observe("stage_seconds", seconds, STAGE, times=count)
            return saved
        finally:
            partition.lane.release()

    async def _chunk(
        self, partition: Partition, first: int, raws: Sequence[RawRecord], span: BatchSpan
    ) -> asyncio.Future[None]:
        """`first` may be below the first record's offset: the log holds nothing in between."""
        last = raws[-1].offset
        state = await self._state_for(partition, first, last)
        if first < state.next_offset:
            raws = [raw for raw in raws if raw.offset >= state.next_offset]
        ratings, arrived, refused = self._read(raws)
        if refused:
            await bury(self._context, refused, span.headers)
            if partition.state is not state:
                raise Draining  # another worker has gone on meanwhile
        # From here on without a pause, so that no save sees half a chunk.
        applied = state.apply_all(ratings, arrived, self._predicted(ratings))
        for _, refusal in refused:
            state.refuse(refusal.rule.value)
        state.passed(max(last + 1, state.next_offset))
        self._learn(applied)
        self._waiting.add(partition, applied.users)
        self._meter.applied(applied, raws)
        if self._context.tracing.on:
            self._tell(partition, span, applied, len(refused))
        self._flusher.needed(at_once=self._in_hand > self._context.limits.max_unsaved // 2)
        return partition.covered(last + 1)

    async def _state_for(self, partition: Partition, first: int, last: int) -> PartitionState:
        """As `state_for`. Users of a state that was loaded wait, though it may be read on first."""
        before = partition.state
        try:
            return await state_for(self._context, partition, first, last)
        finally:
            if partition.state is not before:
                self._waiting.add_all(partition)

    def _tell(self, partition: Partition, span: BatchSpan, applied: Applied, refused: int) -> None:
        """Note what became of a chunk, and that the next save is about it."""
        span.note(
            {
                "answerloop.ratings.valid": len(applied.users),
                "answerloop.ratings.duplicate": applied.duplicate,
                "answerloop.ratings.stale": applied.stale,
                "answerloop.ratings.late": applied.late,
                "answerloop.ratings.rejected": refused,
            },
            event="applied",
        )
        if span.carrier is not None:
            partition.applied.append(span.carrier)

    def _read(
        self, raws: Sequence[RawRecord]
    ) -> tuple[list[RatingLike], list[float], list[tuple[RawRecord, Refusal]]]:
        """Return the valid ratings, when they arrived (Unix seconds), and what is refused."""
        ratings: list[RatingLike] = []
        arrived: list[float] = []
        refused: list[tuple[RawRecord, Refusal]] = []
        for raw, found in zip(raws, self._reader.read_all(raws), strict=True):
            if isinstance(found, Refusal):
                refused.append((raw, found))
            else:
                ratings.append(found)
                arrived.append(raw.timestamp)
        return ratings, arrived, refused

    def _predicted(self, ratings: Sequence[RatingLike]) -> list[float] | None:
        """Predict the ratings before they are learnt from. The statistics don't depend on it."""
        users, movies = [each.userId for each in ratings], [each.movieId for each in ratings]
        try:
            return list(self._context.ports.recommender.predict(users, movies)) if users else None
        except Exception:  # noqa: BLE001 (a recommender that fails costs its own figures only)
            self._no_recommender()
            return None

    def _learn(self, applied: Applied) -> None:
        try:
            self._context.ports.recommender.observe(applied.movies, applied.halves)
        except Exception:  # noqa: BLE001 (as above)
            self._no_recommender()

    def _no_recommender(self) -> None:
        self._context.metrics.count("stage_errors", "recommender")
        if self._learns:
            self._learns = False
            self._context.log.error("recommender_failed", error=traceback.format_exc())

    def _give_back(self, event: Any) -> None:
        self._context.metrics.count("events_released", STAGE)
        self._context.app.consumer.release(event)


def declare(context: RatingsContext, statistics: Statistics) -> None:
    """Declare the agent on the packed topic."""
    topic = context.app.topic(*received(STAGE, context.names), schema=RatingSchema())

    @context.app.agent(topic, name=STAGE)
    async def statistics_agent(stream: faust.Stream) -> None:
        """Ratings in; stored statistics, recommendations and dead letters out."""
        await statistics.read(stream)

    @context.app.timer(interval=context.limits.load_seconds, name="load_ratings")
    async def load_ratings() -> None:
        await statistics.load_all()

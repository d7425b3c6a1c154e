"""Putting rating events on the log, whatever the broker, and counting what became of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import floor, log
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar

from app.errors import AnswerloopError, UnavailableError
from app.ratings.faulty import RatingMessage
from app.ratings.pace import Pace

Value = TypeVar("Value")

#: Events that are handed over at once, at most.
BLOCK = 1000
#: Blocks whose acknowledgement is awaited at the same time, at most.
BLOCKS_IN_FLIGHT = 16
#: How long what is in flight may take after an interrupt.
FLUSH_SECONDS = 10.0
#: Latencies are told apart when they differ by this factor.
_STEP = 1.02


class Acked(NamedTuple):
    """What became of some events of one partition: acknowledged, or not and why."""

    partition: int
    events: int
    seconds: float
    """From handing over to the acknowledgement."""
    error: str | None = None


class RatingSender(Protocol):
    """Puts events on the topic `ratings`, by the partition of their key, in their order."""

    where: str
    """The broker, for people."""
    valid_only: bool
    """Whether events that break a rule can't be sent this way."""

    async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
        """Queue events behind those of the calls before; the awaitable is their acknowledgement.

        Waits while the queue is full. Raises InputError for events that are refused.
        """
        ...


@dataclass
class Sent:
    """What was sent, and what came of it."""

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    """Of the sent ones those that break a rule on purpose, by rule."""
    partitions: Counter[int] = field(default_factory=Counter)
    """Acknowledged events by partition."""
    errors: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=monotonic)
    seconds: float = 0.0
    interrupted: bool = False
    longest_seconds: float = 0.0
    _latencies: Counter[int] = field(default_factory=Counter)
    """Acknowledged events by the logarithm of their latency: bounded, however long it goes on."""

    def take(self, acks: Sequence[Acked]) -> None:
        for ack in acks:
            if ack.error is None:
                self.acknowledged += ack.events
                self.partitions[ack.partition] += ack.events
                self._latencies[floor(log(max(ack.seconds, 1e-6), _STEP))] += ack.events
                self.longest_seconds = max(self.longest_seconds, ack.seconds)
            else:
                self.failed += ack.events
                self.errors[ack.error] += ack.events
        self.seconds = monotonic() - self.started

    @property
    def per_second(self) -> float:
        return self.acknowledged / self.seconds if self.seconds > 0 else 0.0

    def latency_seconds(self, *shares: float) -> list[float]:
        """Return the latencies that these shares of the acknowledged events did not exceed.

        They are at most `_STEP` times too long, and never longer than the longest.
        """
        return [self._latency(share * self.acknowledged) for share in shares]

    def _latency(self, events: float) -> float:
        seen = 0
        for bucket, count in sorted(self._latencies.items()):
            seen += count
            if seen >= events:
                return min(_STEP ** (bucket + 1), self.longest_seconds)
        return self.longest_seconds


async def send_ratings(
    messages: Iterator[RatingMessage],
    sender: RatingSender,
    sent: Sent,
    *,
    pace: Pace,
    stop: asyncio.Event,
    shown: Callable[[], None] = lambda: None,
) -> None:
    """Send the messages at the pace, until they end, `stop` is set, or the log refuses one.

    All that was handed over is acknowledged, or counted as failed, on return. An error of the
    messages' source is raised after that.
    """
    flight = _Flight(sent, shown)
    try:
        while not stop.is_set() and not sent.failed:
            count = await _unless(stop, pace.take(BLOCK))
            block, error = _next_block(messages, count or 0)
            if block:
                sent.sent += len(block)
                sent.broken.update(str(each.broken) for each in block if each.broken is not None)
                await flight.take(block, sender, stop)
            if error is not None:
                raise error
            if not block:
                break
    finally:
        await flight.land(stop)
        sent.interrupted = stop.is_set()
        shown()


def _next_block(
    messages: Iterator[RatingMessage], count: int
) -> tuple[list[RatingMessage], AnswerloopError | None]:
    """Return the next messages, and why no more can be read: what was read is sent anyway."""
    block: list[RatingMessage] = []
    try:
        block.extend(islice(messages, count))  # keeps what came before an error
    except AnswerloopError as error:
        return block, error
    return block, None


class _Flight:
    """The blocks that are on their way."""

    def __init__(self, sent: Sent, shown: Callable[[], None]) -> None:
        self._sent = sent
        self._shown = shown
        self._tasks: dict[asyncio.Task[None], int] = {}

    async def take(
        self, block: list[RatingMessage], sender: RatingSender, stop: asyncio.Event
    ) -> None:
        """Hand a block over and see to its acknowledgement in the background."""
        try:
            acks = await _unless(stop, sender.hand_over(block))
        except UnavailableError as error:
            self._sent.take([Acked(-1, len(block), 0.0, str(error))])
            return
        except AnswerloopError:
            self._sent.sent -= len(block)
            raise
        if acks is None:
            self._sent.take([Acked(-1, len(block), 0.0, "interrupted before the log had it")])
            return
        self._tasks[asyncio.ensure_future(self._acknowledged(acks))] = len(block)
        if len(self._tasks) >= BLOCKS_IN_FLIGHT:
            await _unless(stop, asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED))
        self._forget()

    async def land(self, stop: asyncio.Event) -> None:
        """Wait for all that is on its way; FLUSH_SECONDS after `stop` the rest counts as failed."""
        if not self._tasks:
            return
        await _unless(stop, asyncio.wait(self._tasks))
        _, late = await asyncio.wait(self._tasks, timeout=FLUSH_SECONDS)
        for task in late:
            task.cancel()
            words = f"not acknowledged within {FLUSH_SECONDS:.0f} s of the interrupt"
            self._sent.take([Acked(-1, self._tasks[task], 0.0, words)])
        await asyncio.gather(*late, return_exceptions=True)
        self._forget()

    async def _acknowledged(self, acks: Awaitable[Sequence[Acked]]) -> None:
        self._sent.take(await acks)
        self._shown()

    def _forget(self) -> None:
        for task in [task for task in self._tasks if task.done()]:
            del self._tasks[task]
            if not task.cancelled():
                task.result()


async def _unless(stop: asyncio.Event, work: Awaitable[Value]) -> Value | None:
    """Return what `work` gives, or None when `stop` is set before: it is cancelled then."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        stopped.cancel()
        task.cancel()

"""StrictConsumer: commit only what was acknowledged, and say how far behind it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any, NamedTuple

from faust.types import TP

from app.transports.strict.delivery import Delivery
from app.transports.strict.positions import Flight
from app.transports.strict.producer import StrictProducer


class Stuck(NamedTuple):
    """A partition whose lowest unacknowledged message has not moved."""

    offset: int
    seconds: float
    why: str
    """`queued` (no agent took it), `held` (taken, not being iterated), `released`, `vanished`."""


class Head(NamedTuple):
    """The lowest offset of a partition that is not done, and what there is beyond it.

    `end` is the end of the log where it is known, `stored` what the group has committed. `why` is
    that of `Stuck`, or `unfetched` when no message is in flight; `message` is the one in flight.
    `committed_at`: when this process last committed the partition (monotonic seconds).
    """

    offset: int
    end: int | None
    stored: int | None
    why: str
    message: Any = None
    committed_at: float | None = None


class StrictConsumer(Delivery):
    """Mix-in for a driver's consumer that owns position and commit of every partition.

    Invariant: `commit(tp, X)` implies that every existing offset below X was acknowledged in this
    process, or was below the group's committed offset when this epoch began.
    """

    def _reset_state(self) -> None:
        super()._reset_state()
        self._heads: dict[TP, tuple[int, float]] = {}

    # -- commit

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterable[TP]:
        return [
            tp
            for tp in self._ledgers
            if self._owns(tp) and (topics is None or tp in topics or tp.topic in topics)
        ]

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        found = {}
        for tp in tps:
            self._head(tp)
            if (offset := self._ledgers[tp].to_commit) is not None:
                found[tp] = offset
        return found

    def _head(self, tp: TP) -> tuple[Flight | None, float]:
        """The lowest unacknowledged message of `tp`, and for how long it has been the lowest."""
        self._settle(tp)
        flight = next(iter(self._ledgers[tp].flights.values()), None)
        if flight is None:
            self._heads.pop(tp, None)
            return None, 0.0
        offset, since = self._heads.get(tp, (None, 0.0))
        if offset != flight.first:
            since = monotonic()
            self._heads[tp] = (flight.first, since)
        return flight, monotonic() - since

    async def _commit_offsets(
        self,
        offsets: Mapping[TP, int],
        start_new_transaction: bool = True,  # noqa: ARG002 - Faust's signature
    ) -> bool:
        """Commit once the producer has confirmed all buffered writes; record only a success."""
        turn, producer = self._bases, self.app.producer
        await producer.flush()
        if isinstance(producer, StrictProducer) and (lost := await producer.confirmed()):
            await self.app.crash(lost)
            return False
        mine = self.assignment()
        offsets = {tp: offset for tp, offset in offsets.items() if tp in mine}
        if turn != self._bases or not offsets or not await self._commit(offsets):
            return False
        if turn == self._bases:
            for tp, offset in offsets.items():
                self._ledgers[tp].stored = offset
                self._ledgers[tp].stored_at = monotonic()
        self.app.tables.on_commit(offsets)
        self.app.monitor.on_tp_commit(offsets)
        return True

    async def commit_and_end_transactions(self) -> None:
        """The last commit: not content with one that began before the last acknowledgement."""
        while self._commit_fut is not None:
            await self.maybe_wait_for_commit_to_finish()
        await self.commit()

    async def wait_empty(self) -> None:
        """Wait until every message that an agent has begun is acknowledged or released."""
        since = reported = monotonic()
        while not self.should_stop and self._unacked_messages:
            await self._wait_for_ack(timeout=1)
            self._clean_unacked_messages()
            self._unacked_messages -= self._dropped_by_an_agent()
            await asyncio.sleep(0)
            if monotonic() > reported + 10:
                reported = monotonic()
                await self.commit()
                self.log.warning(
                    "Waiting for %s messages in progress since %.0f s: %r",
                    len(self._unacked_messages),
                    reported - since,
                    list(self._unacked_messages)[:10],
                )
        await self.commit_and_end_transactions()

    def _dropped_by_an_agent(self) -> set[Any]:
        """Messages that one agent has done and another lost with its queue, which was emptied.

        Nobody works on such a message of a shared topic any more, and nobody will acknowledge it:
        it is delivered again with the next epoch.
        """
        if self.flow_active:
            return set()
        held = self.app.held_events
        held_by_tasks, begun = set(), {id(event.message) for event in held or ()}
        for agent in self.app.agents.values():
            for actor in agent._actors:
                stream = actor.stream.get_active_stream()
                if not stream.enable_acks and held is None:
                    held_by_tasks.update(agent.channel.topics)
                for each in (actor.stream, stream):
                    if each.current_event is not None:
                        begun.add(id(each.current_event.message))
        return {
            message
            for message in self._unacked_messages
            if message.topic not in held_by_tasks and id(message) not in begun
        }

    # -- figures

    def in_flight(self) -> int:
        """Messages delivered and not acknowledged (queued, worked on, or released)."""
        for tp in self._ledgers:
            self._settle(tp)
        return sum(len(ledger.flights) for ledger in self._ledgers.values())

    def begins(self, event: Any, first: int) -> int:
        """Return from which offset on an event stands for the log.

        That is its first record's, `first`, or a lower one when the log holds nothing in between:
        the end of a transaction takes an offset, and has no record.
        """
        message = event.message
        ledger = self._ledgers.get(message.tp)
        flight = ledger.flights.get(message.offset) if ledger is not None else None
        if flight is None or flight.message() is not message or flight.begins is None:
            return first
        return min(flight.begins, first)

    def processing(self) -> int:
        """Messages that agents have begun: what a rebalance or a stop waits for."""
        return len(self._unacked_messages)

    def lag(self) -> dict[TP, int]:
        """For each partition, how many offsets lie between what may be committed and its end."""
        found = {}
        for tp in self._ledgers:
            if self._owns(tp):
                low, end = self._settle(tp), self._end(tp)
                if low is not None and end is not None:
                    found[tp] = max(0, end - low)
        return found

    def heads(self) -> dict[TP, Head]:
        """Where each partition stands whose positions are kept here."""
        found = {}
        for tp, ledger in self._ledgers.items():
            if not self._owns(tp) or (offset := self._settle(tp)) is None:
                continue
            end = self._end(tp)
            flight = next(iter(ledger.flights.values()), None)
            message = flight.message() if flight is not None else None
            why = "unfetched" if flight is None else _why(flight, message)
            found[tp] = Head(offset, end, ledger.stored, why, message, ledger.stored_at)
        return found

    def delivered(self) -> dict[TP, int]:
        """For each partition, how many messages (chunks) were handed out and are not done."""
        return {
            tp: sum(not flight.released for flight in ledger.flights.values())
            for tp, ledger in self._ledgers.items()
            if self._owns(tp) and self._settle(tp) is not None
        }

    async def ends(self) -> Mapping[TP, int]:
        """Ask the broker for the ends of those partitions: a fetch that stopped learns of none."""
        tps = [tp for tp in self._ledgers if self._owns(tp)]
        return await self.highwaters(*tps) if tps else {}

    def stuck(self, seconds: float = 60.0) -> dict[TP, Stuck]:
        """Partitions whose head nobody has been working on for `seconds`.

        A head that an agent's loop is iterating over is never stuck, however long it takes; one
        that a task of the agent holds (`noack`) is, after `seconds`.
        """
        if not self.flow_active:
            return {}
        busy = {
            id(event.message)
            for agent in self.app.agents.values()
            for actor in agent._actors
            if (event := actor.stream.current_event) is not None
        }
        found = {}
        for tp in self._ledgers:
            flight, age = self._head(tp)
            message = flight.message() if flight is not None else None
            if flight is None or age < seconds or id(message) in busy:
                continue
            why = _why(flight, message)
            if not (busy and why == "queued"):
                found[tp] = Stuck(flight.first, age, why)
        return found


def _why(flight: Flight, message: Any) -> str:
    """Say what became of a message that was delivered and is not acknowledged."""
    if flight.released:
        return "released"
    if message is None or message.acked:
        return "vanished"
    return "held" if message.tracked else "queued"

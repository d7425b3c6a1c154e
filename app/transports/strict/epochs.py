"""Epochs: when positions are taken, given up, and taken anew.

Every `perform_seek`, revocation and resumption of flow begins a new epoch. Batches fetched and
messages handed out in an older epoch count for nothing; what they left unacknowledged is
delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

from faust.exceptions import ImproperlyConfigured
from faust.types import TP
from faust.types.tuples import ack_lock

from app.transports.strict.drain import Drain
from app.transports.strict.positions import Flight, Ledger

if TYPE_CHECKING:
    from faust.transport.consumer import Consumer as _Driver
else:
    _Driver = object


class Epochs(_Driver):
    """The lowest layer of `StrictConsumer`: one `Ledger` for each partition it owns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.draining = Drain()
        super().__init__(*args, **kwargs)
        if self.in_transaction:
            raise ImproperlyConfigured(
                "processing_guarantee='exactly_once' is not supported by this transport: "
                "use at_least_once with idempotent effects"
            )

    def _reset_state(self) -> None:
        super()._reset_state()
        self._ledgers: dict[TP, Ledger] = {}
        self._owned_topics: dict[str, bool] = {}
        self._slices: dict[TP, int] = {}
        self._handing_out: asyncio.Task[None] | None = None
        self._epoch = 0
        self._bases = 0
        """Counts the times a base was given up: a commit or a seek begun before is void."""
        self._acked.clear()
        self._acked_index.clear()

    def _owns(self, tp: TP) -> bool:
        """Whether position and commit of `tp` are kept here: its topic is acknowledged."""
        owned = self._owned_topics.get(tp.topic)
        if owned is None:
            owned = self._owned_topics[tp.topic] = (
                self.app.topics.acks_enabled_for(tp.topic)
                and not self._is_changelog_tp(tp)
                and not self.app.client_only
            )
        return owned

    # -- bookkeeping: synchronous, so atomic on the event loop

    def _settle(self, tp: TP) -> int | None:
        """Apply the recorded acknowledgements; the lowest offset not known to be processed."""
        ledger = self._ledgers[tp]
        if not self._owns(tp):
            return self._lowest_unrecovered(tp, ledger)
        with ack_lock:
            acked = self._acked.pop(tp, ())
            self._acked_index.pop(tp, None)
        ledger.acknowledge(acked)
        return ledger.committable

    def _lowest_unrecovered(self, tp: TP, ledger: Ledger) -> int | None:
        """For a changelog partition: what table recovery has not taken from its queue."""
        recovery = self.app.tables.recovery
        offsets = recovery.active_offsets
        if tp not in recovery.active_tps:
            offsets = recovery.standby_offsets
        seen, offset = offsets.get(tp), ledger.next_offset
        return offset if seen is None or offset is None else min(offset, seen + 1)

    def _void(self, flights: Iterable[Flight], *, only_queued: bool = False) -> None:
        """Make later acknowledgements of these messages count for nothing."""
        with ack_lock:
            for flight in flights:
                message = flight.message()
                if message is not None and not (only_queued and message.tracked):
                    message.acked = True

    def _rewind(self, tps: Iterable[TP]) -> None:
        """Begin a new epoch: deliver again from the lowest unacknowledged offset."""
        self._epoch += 1
        for tp in list(tps):
            if (ledger := self._ledgers.get(tp)) is not None:
                self._void(ledger.rewind(to=self._settle(tp)))

    def _give_up(self, tps: Iterable[TP]) -> None:
        """Deliver and commit nothing for these partitions until they have a base again."""
        self._epoch += 1
        self._bases += 1
        self._owned_topics.clear()
        self._slices.clear()
        for tp in list(tps):
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
            if (ledger := self._ledgers.pop(tp, None)) is not None:
                self._void(ledger.forget())

    # -- what begins an epoch

    async def perform_seek(self) -> None:
        """Take the group's committed offsets as the base of every owned partition."""
        self._give_up([tp for tp in self._ledgers if self._owns(tp)])
        turn = self._bases
        committed = {
            TP(tp.topic, tp.partition): offset if offset is not None and offset >= 0 else None
            for tp, offset in (await self.seek_to_committed()).items()
        }
        fresh = [tp for tp, offset in committed.items() if offset is None and self._owns(tp)]
        first = await self._first_offsets(fresh)
        if turn != self._bases:
            return  # revoked meanwhile, or a newer seek is at work
        for tp, offset in committed.items():
            if self._owns(tp):
                base = first.get(tp) or 0 if offset is None else offset
                self._ledgers[tp] = Ledger(next_offset=base, stored=offset)

    async def _first_offsets(self, tps: list[TP]) -> Mapping[TP, int]:
        """Where a group that has committed nothing begins."""
        if not tps:
            return {}
        if self.app.conf.consumer_auto_offset_reset == "latest":
            return await self.highwaters(*tps)  # type: ignore[no-any-return, unused-ignore]
        return await self.earliest_offsets(*tps)  # type: ignore[no-any-return, unused-ignore]

    async def seek(self, partition: TP, offset: int) -> None:
        await self.seek_wait({partition: offset})

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Move partitions (table recovery does so with changelogs, for which it keeps count)."""
        self._give_up(partitions)
        turn = self._bases
        await self._driver_seek(partitions)
        if turn == self._bases:
            for tp, offset in partitions.items():
                self._ledgers[tp] = Ledger(next_offset=offset)

    async def _driver_seek(self, partitions: Mapping[TP, int]) -> None:
        """Move the driver's own position, and nothing else."""
        await super().seek_wait(partitions)

    def stop_flow(self) -> None:
        """Stop delivering. The app empties all its queues right after this."""
        self.draining.set()
        super().stop_flow()
        self._epoch += 1
        if self._handing_out is not None:
            self._handing_out.cancel()
        for ledger in self._ledgers.values():
            self._void(ledger.flights.values(), only_queued=True)

    def resume_flow(self) -> None:
        """Deliver again. The app has emptied all its queues right before this."""
        self._rewind(self._ledgers)
        # An agent that waits at its queue does not see that it was emptied: nobody would say that
        # there is room again.
        for tp in self._buffered_partitions & self.assignment() - self._paused_partitions:
            self.on_buffer_drop(tp)
        super().resume_flow()
        if not self.app.should_stop:
            self.draining.clear()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.draining.set()
        for tp in self._ledgers:
            self._settle(tp)  # the driver throws recorded acknowledgements away
        await super().on_partitions_revoked(revoked)
        if not (self.app.conf.stream_wait_empty or self.should_stop):
            await self.commit()  # fewer repeats; with stream_wait_empty it has been done
        self._give_up(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        await super().on_partitions_assigned(assigned, generation_id)
        self._slices.clear()  # the conductor knows only now who listens to what

    async def on_stop(self) -> None:
        self.draining.set()
        await super().on_stop()

    @staticmethod
    def _flight(first: int, last: int, payload: Any, message: Any) -> Flight:
        return Flight(first, last, payload, ref(message))

"""Delivery: fetch, admit what continues where delivery stands, hand out, take back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from faust.types import TP, ConsumerMessage
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from app.transports.strict.messages import Messages
from app.transports.strict.positions import Admission, Flight, Ledger

FETCH_SECONDS = 1.0
"""How long a fetch waits for records."""
SHORT_FETCH_SECONDS = 0.05
"""The same while some partitions are held back: they may be wanted again at any moment."""
YIELD_EVERY = 100
"""Messages handed out before the event loop gets a turn."""


class Delivery(Messages):
    """The layer of `StrictConsumer` that replaces Faust's fetch loop.

    A driver supplies `_fetch`.
    """

    release_seconds = 1.0
    """When a released message is delivered again, unless its holder says otherwise."""
    search_seconds = 30.0
    """How often messages are looked for that vanished, and partitions from which nothing comes."""

    async def _fetch(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        """Return up to `limits[tp]` records for each partition, of no others.

        Returns `{}` on time-out or when flow is not active. Records of a fetch that begins after
        `seek_wait` returned must come from the position that was sought.
        """
        raise NotImplementedError

    async def _getmany(self, active_partitions: Any, timeout: float) -> dict[TP, list[Any]]:
        tps = self.assignment() if active_partitions is None else set(active_partitions)
        return await self._fetch({tp: self._slice(tp) for tp in tps}, timeout)

    # -- the fetch loop

    async def _drain_messages(self, fetcher: Any) -> None:
        if self.app.client_only:
            await super()._drain_messages(fetcher)
            return
        self._searched_at = monotonic()
        self._standing: dict[TP, int] = {}
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                batch, epoch = await self._next_batch()
                if batch:
                    await self._run_hand_out(batch, epoch)
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.app.should_stop:
                raise
        except Exception as exc:
            self.log.exception("Fetch loop failed: %r", exc)
            raise

    async def _next_batch(self) -> tuple[dict[TP, list[Any]], int]:
        """Fetch, and keep the runs that continue where delivery stands."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if self.should_stop:
            return {}, self._epoch
        await self._commit_when_due()
        await self._search_vanished()
        await self._reposition()
        limits = {tp: self._slice(tp) for tp in self._get_active_partitions()}
        if not limits:
            await self.sleep(0.1)
            return {}, self._epoch
        held_back = self._buffered_partitions or self.app.in_recovery
        try:
            fetched = await self._fetch(limits, SHORT_FETCH_SECONDS if held_back else FETCH_SECONDS)
        except BaseException:
            self._distrust_driver()  # a fetched batch may be lost
            raise
        epoch, batch = self._epoch, {}
        for tp, records in fetched.items():
            if records and (run := await self._admit(tp, records)):
                batch[tp] = run
                if (end := self._end(tp)) is not None:
                    self.app.monitor.track_tp_end_offset(tp, end)
        return batch, epoch

    def _distrust_driver(self) -> None:
        for ledger in self._ledgers.values():
            ledger.distrust_driver()

    async def _commit_when_due(self) -> None:
        if self._commit_every is not None and self._n_acked >= self._commit_every:
            self._n_acked: int = 0
            await self.commit()

    async def _reposition(self) -> None:
        """Seek wherever the driver may stand elsewhere than at the next offset to deliver."""
        moves = {
            tp: ledger.next_offset
            for tp, ledger in self._ledgers.items()
            if ledger.needs_seek and ledger.next_offset is not None
        }
        baseless = not self.app.rebalancing and any(
            tp not in self._ledgers and self._owns(tp) for tp in self._get_active_partitions()
        )
        if not (moves or baseless):
            return
        epoch = self._epoch
        try:
            if baseless:  # the seek after recovery timed out: Faust does not try again
                await self.perform_seek()
                return
            await self._driver_seek(moves)
        except self.consumer_stopped_errors:
            raise
        except Exception as exc:  # noqa: BLE001 - partitions are being revoked: tried again next turn
            self.log.info("Cannot seek yet: %r", exc)
            await self.sleep(0.2)
        else:
            if epoch == self._epoch:
                for tp, offset in moves.items():
                    self._ledgers[tp].sought_to(offset)

    async def _admit(  # noqa: PLR0911 - one return for each verdict
        self, tp: TP, records: list[Any]
    ) -> list[Any]:
        """The part of a fetched run that continues at the expected offset."""
        if not (self._owns(tp) or self._is_changelog_tp(tp)):
            return records
        if (ledger := self._ledgers.get(tp)) is None:
            return []
        first, want = records[0].offset, ledger.next_offset
        verdict = ledger.admit(first, records[-1].offset)
        if want is None or verdict is Admission.REFUSE:
            return []
        epoch = self._epoch
        if verdict is Admission.CHECK_START:
            start = (await self.earliest_offsets(tp)).get(tp) or 0
            if epoch != self._epoch:
                return []
            if start > want:
                if self._owns(tp):
                    self.log.error("%r: %s to %s were deleted unread", tp, want, start - 1)
                ledger.next_offset = start
                return records if first == start else []
            return records
        if verdict is Admission.CHECK_END:
            end = (await self.highwaters(tp)).get(tp)
            if epoch != self._epoch:
                return []
            if end is not None and end < want:
                self.log.error("%r: log cut or created anew: from %s back to %s", tp, want, first)
                self._void(ledger.rewind(to=first))
                ledger.stored = None
                return []
        return records if first >= want else [r for r in records if r.offset >= want]

    # -- handing out

    async def _run_hand_out(self, batch: dict[TP, list[Any]], epoch: int) -> None:
        """Hand out in a task of its own, so that `stop_flow` can end it at a full queue."""
        task = self._handing_out = asyncio.ensure_future(self._hand_out(batch, epoch))
        try:
            await asyncio.wait({task})
        finally:
            self._handing_out = None
            if not task.done():
                task.cancel()
        if not task.cancelled():
            task.result()

    async def _hand_out(self, batch: dict[TP, list[Any]], epoch: int) -> None:
        for tp, records in batch.items():
            if (plan := self._plan(tp.topic)).packed:
                step = plan.max_records
                batch[tp] = [records[i : i + step] for i in range(0, len(records), step)]
        skipped: set[TP] = set()
        active, buffered, callback = (
            self._active_partitions,
            self._buffered_partitions,
            self.callback,
        )
        for turn, (tp, item) in enumerate(self.scheduler.iterate(batch), start=1):
            if epoch != self._epoch or not self.flow_active:
                return
            if tp in skipped:
                continue
            if tp not in active and tp not in buffered:
                skipped.add(tp)  # paused: nothing after it either, so no hole
                continue
            await callback(self._depart(tp, item))
            if turn % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _depart(self, tp: TP, item: Any) -> ConsumerMessage:
        """Build the message of a record or a chunk, and enter it into the ledger."""
        message = self._message_of(tp, item)
        if (ledger := self._ledgers.get(tp)) is not None:
            if self._owns(tp):
                first = item[0].offset if isinstance(item, list) else item.offset
                ledger.deliver(self._flight(first, message.offset, item, message))
            else:
                ledger.passed(message.offset)
        return message

    # -- taking back

    def release(self, event: Any, after_seconds: float | None = None) -> None:
        """Give a delivered event (or its message) back, unprocessed.

        Its acknowledgement becomes void, `wait_empty` no longer waits for it, and its offset
        holds back the commit. It is delivered again after `after_seconds` (default
        `release_seconds`), or with the next epoch when that comes first. Void for a message that
        is acknowledged already. An event that several agents share comes back to all of them.
        """
        message = getattr(event, "message", event)
        with ack_lock:
            if message.acked:
                return
            message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        ledger = self._ledgers.get(message.tp)
        flight = ledger.flights.get(message.offset) if ledger is not None else None
        if flight is not None and flight.message() is message:
            flight.released = True
            if not self.draining.is_set():
                delay = self.release_seconds if after_seconds is None else after_seconds
                self.add_future(self._hand_out_again(message.tp, flight, self._epoch, delay))

    def deliver_from(self, tp: TP, offset: int) -> None:
        """Deliver an owned partition once more from `offset`, which may be committed already.

        A new epoch begins: what is in flight of any partition is void, and delivered again.
        """
        if tp in self._ledgers and self._owns(tp):
            self._rewind(self._ledgers)
            self._ledgers[tp].rewind(to=offset)

    async def _hand_out_again(self, tp: TP, flight: Flight, epoch: int, delay: float) -> None:
        if delay > 0:
            await self.sleep(delay)
        if epoch != self._epoch or not self.flow_active or self.should_stop:
            return  # the new epoch delivers it
        message = self._message_of(tp, flight.payload)
        again = self._flight(flight.first, flight.last, flight.payload, message)
        again.begins = flight.begins
        self._ledgers[tp].flights[flight.last] = again
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    async def _search_vanished(self) -> None:
        """Deliver again what was dropped unacknowledged (a topic without a listener, a bug)."""
        if monotonic() < self._searched_at + self.search_seconds:
            return
        self._searched_at = monotonic()
        for tp, ledger in self._ledgers.items():
            self._settle(tp)
            for flight in list(ledger.flights.values()):
                message = flight.message()
                if not flight.released and (message is None or message.acked):
                    flight.released = True
                    self.log.warning("%r offset %s vanished: delivered again", tp, flight.first)
                    self.add_future(self._hand_out_again(tp, flight, self._epoch, 0.0))
            self._doubt_standing(tp, ledger)

    def _doubt_standing(self, tp: TP, ledger: Ledger) -> None:
        """Seek again where nothing came since the last search though the log goes on.

        Whoever moves the driver past our position is found out by the next record it brings; one
        moved to the end of the log brings none.
        """
        at, end = ledger.next_offset, self._end(tp)
        if at is None or end is None or at >= end or tp not in self._get_active_partitions():
            self._standing.pop(tp, None)
        elif self._standing.get(tp) != at:
            self._standing[tp] = at
        else:
            del self._standing[tp]
            self.log.info("%r: nothing came from offset %s on, of %s: sought again", tp, at, end)
            ledger.distrust_driver()

    def _end(self, tp: TP) -> int | None:
        """The end offset of `tp`, where the driver knows it."""
        try:
            end: int | None = self.highwater(tp)
        except (AssertionError, AttributeError):
            return None
        return end

"""What one asks of the dead letters, answered in JSON shapes: by this process, or by an engine.

The HTTP routes and the commands speak to a `Desk`, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from app.core.redrive import LetterFilter, Origin, parse_origin, purge_filters
from app.errors import NotFoundError
from app.letters.plans import Batch, Mended, Result, Rules
from app.letters.redriving import MAX_BATCH, Redriver
from app.letters.sender import LetterSender
from app.letters.shown import (
    batch_row,
    counts_rows,
    decode_position,
    encode_position,
    filter_row,
    letter_row,
    plan_row,
    prepared_row,
    redrive_row,
)
from app.ports import AnswerStore
from app.ports.letters import RedriveRecord
from app.tracing import NO_TRACING, Tracing

#: A page with bytes ends before it grows beyond this.
MAX_PAGE_BYTES = 4 * 1024 * 1024


class WantedPage(msgspec.Struct, frozen=True):
    """A page of letters. `with_bytes` brings the original bytes and what a redrive would send."""

    filter: LetterFilter
    limit: int = 50
    cursor: str | None = None
    newest_first: bool = True
    with_bytes: bool = False
    with_counts: bool = False


class Order(msgspec.Struct, frozen=True):
    """A redrive of some letters: by `filter` (the oldest `limit` from `cursor` on), or by name.

    `redrive_id` goes on with one that began before; None begins one, if it is no dry run.
    """

    filter: LetterFilter | None = None
    limit: int = MAX_BATCH
    cursor: str | None = None
    letters: Mapping[str, Mended | None] = {}
    dry_run: bool = True
    redrive_id: int | None = None
    by: str = ""
    transform: str | None = None
    planned: int | None = None


class Desk(Protocol):
    """Dead letters as JSON shapes. Every method raises UnavailableError and InputError."""

    async def page(self, wanted: WantedPage) -> dict[str, Any]:
        """Return `letters`, `cursor`, and `counts` if wanted."""
        ...

    async def letter(self, origin: str) -> dict[str, Any]:
        """Return one letter with its bytes and what a redrive would do. Raises NotFoundError."""
        ...

    async def plan(self, wanted: LetterFilter) -> dict[str, Any]:
        """Say what redriving all these would do."""
        ...

    async def redrive(self, order: Order) -> dict[str, Any]:
        """Redrive, or plan if it is a dry run."""
        ...

    async def purge(self, wanted: LetterFilter, *, explicit: bool, dry_run: bool) -> dict[str, Any]:
        """Remove letters for good (`purged`), or say which would go (`counts`)."""
        ...

    async def redrives(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest redrives."""
        ...


class LocalDesk:
    """Answers from a store and a sender of this process."""

    def __init__(
        self,
        store: AnswerStore,
        sender: LetterSender,
        rules: Rules,
        now: Callable[[], float],
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._store = store
        self._redriver = Redriver(store, sender, rules, now, tracing)
        self._now = now

    async def page(self, wanted: WantedPage) -> dict[str, Any]:
        letters = await self._store.dead_letters(
            wanted.filter,
            after=decode_position(wanted.cursor),
            limit=wanted.limit + 1,
            newest_first=wanted.newest_first,
            with_bytes=wanted.with_bytes,
        )
        shown, more = letters[: wanted.limit], len(letters) > wanted.limit
        if wanted.with_bytes:
            fitting = _fitting([(each.size or 0) for each in shown])
            shown, more = shown[:fitting], more or fitting < len(shown)
        rows = [letter_row(each, with_bytes=wanted.with_bytes) for each in shown]
        if wanted.with_bytes:
            for row, prepared in zip(rows, await self._redriver.prepare(shown), strict=True):
                row["redrive"] = prepared_row(prepared)
        page: dict[str, Any] = {"letters": rows}
        if wanted.with_counts:
            page["counts"] = counts_rows(await self._store.dead_letter_counts(wanted.filter))
        return {**page, "cursor": encode_position(shown[-1].position) if more else None}

    async def letter(self, origin: str) -> dict[str, Any]:
        place = parse_origin(origin)
        found = await self._store.dead_letters_by_origin([place]) if place else []
        if not found:
            raise NotFoundError(f"no dead letter comes from {origin[:300]}")
        [prepared] = await self._redriver.prepare(found)
        return letter_row(found[0], with_bytes=True) | {"redrive": prepared_row(prepared)}

    async def plan(self, wanted: LetterFilter) -> dict[str, Any]:
        return plan_row(await self._redriver.plan(wanted))

    async def redrive(self, order: Order) -> dict[str, Any]:
        if order.dry_run:
            return await self._dry_run(order)
        letters, missing = await self._letters(order)
        mended = {
            place: change
            for name, change in order.letters.items()
            if change is not None and (place := parse_origin(name)) is not None
        }
        prepared = await self._redriver.prepare(letters, mended)
        redrive_id = await self._record(order, len(letters))
        results = await self._redriver.redrive(redrive_id, prepared, missing)
        full = order.filter is not None and len(letters) == order.limit
        return batch_row(Batch(redrive_id, results, letters[-1].position if full else None))

    async def _dry_run(self, order: Order) -> dict[str, Any]:
        if order.filter is not None:
            return await self.plan(order.filter)
        letters, missing = await self._letters(order)
        plan = plan_row(await self._redriver.plan_of(letters))
        if missing:
            plan["refused"] += len(missing)
            plan["examined"] += len(missing)
            gone = {"why": "not_found", "meaning": missing[0].reason, "letters": len(missing)}
            plan["refusals"].append(gone)
        return plan

    async def _letters(self, order: Order) -> tuple[list[Any], list[Result]]:
        """Return the letters of an order, and a refusal for each that is not there."""
        if order.filter is not None:
            after = decode_position(order.cursor)
            return await self._redriver.letters(order.filter, after, order.limit), []
        places = [place for name in order.letters if (place := parse_origin(name)) is not None]
        found = await self._store.dead_letters_by_origin(places)
        known = {letter.origin for letter in found}
        return found, [_not_found(place) for place in places if place not in known]

    async def _record(self, order: Order, examined: int) -> int:
        """Return the id of the redrive: a new one, or the one that goes on."""
        if order.redrive_id is not None:
            if not await self._store.redrives(limit=1, only=order.redrive_id):
                raise NotFoundError(f"there is no redrive {order.redrive_id}")
            return order.redrive_id
        chosen = (
            filter_row(order.filter)
            if order.filter is not None
            else {"letters": len(order.letters)}
        )
        record = RedriveRecord(
            started_at=self._now(),
            by_whom=order.by,
            filter=chosen,
            planned=examined if order.planned is None else order.planned,
            transform=order.transform,
        )
        return await self._redriver.begin(record)

    async def purge(self, wanted: LetterFilter, *, explicit: bool, dry_run: bool) -> dict[str, Any]:
        filters = purge_filters(wanted, explicit=explicit, now=self._now())
        if dry_run:
            counts = [
                count
                for each in filters
                for count in await self._store.dead_letter_counts(each)
                if count.state != "redriving"
            ]
            return {"would_purge": sum(c.letters for c in counts), "counts": counts_rows(counts)}
        return {"purged": sum([await self._store.purge_dead_letters(each) for each in filters])}

    async def redrives(self, limit: int) -> list[dict[str, Any]]:
        return [redrive_row(record) for record in await self._store.redrives(limit)]


def _fitting(sizes: list[int]) -> int:
    """Return how many of a page's letters fit into `MAX_PAGE_BYTES`: at least one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > MAX_PAGE_BYTES and count:
            return count
    return len(sizes)


def _not_found(place: Origin) -> Result:
    return Result(place, "refused", "not_found: there is no such letter")

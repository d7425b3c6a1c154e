"""A page of a topic: its records by time, from a cut through the partitions, one way or the other.

A cut is an offset of each partition. A page lies between two cuts, so the pages before and after
it begin where it ends, whatever is written meanwhile. What a page costs is bounded, filter or not:
a page that reaches a bound ends at a cut from which the next one goes on.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.inspection.reader import Span, TopicReader, read_through
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey

Row = TypeVar("Row")
#: partition -> offset
Cut = dict[int, int]

#: Offsets that are read at first; later as many as `STEP_BYTES` seem to hold, of a partition at
#: most `MOST_STEP`.
FIRST_RECORDS = 64
MOST_STEP = 1000
STEP_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one page may cost; `seconds` and `bytes` may be exceeded by one step."""

    rows: int
    records: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, between the cuts `low` (at and above) and `high` (below)."""

    rows: list[Row]
    low: Cut
    high: Cut
    looked: int
    """Records that were looked at, with those that did not fit."""
    left: int
    """Offsets that lie further this way."""


async def read_page(
    reader: TopicReader,
    topic: str,
    spans: Mapping[PartitionKey, Span],
    cut: Cut,
    judge: Callable[[RawRecord], Row | None],
    bounds: Bounds,
    *,
    older: bool,
) -> Page[Row]:
    """Return what lies below the cut (`older`), else at and above it, within the spans.

    `judge` says what is shown of a record, None: nothing; it is called in a thread, of which it
    takes half at most. Raises BrokerUnavailable.
    """
    lanes: list[_Lane[Row]] = [
        _Lane((topic, partition), min(max(at, span.start), span.end), span, older)
        for partition, at in cut.items()
        if (span := spans.get((topic, partition))) is not None
    ]
    begin = {lane.tp[1]: lane.cut for lane in lanes}
    rows: list[Row] = []
    looked, size, step = 0, 0, max(1, FIRST_RECORDS // max(1, len(lanes)))
    until = time.monotonic() + bounds.seconds
    while len(rows) < bounds.rows and looked < bounds.records:
        if hungry := [lane for lane in lanes if lane.hungry]:
            if size >= bounds.bytes or time.monotonic() >= until:
                break
            records, read = await _fill(reader, hungry, step, judge)
            size += read
            needed = (bounds.rows - len(rows)) * max(1, looked) // max(1, len(rows))
            step = _next_step(step, records, read, needed, len(lanes))
            if any(lane.hungry for lane in lanes):
                continue  # there was a gap, and there is more beyond it
        elif not any(lane.waiting for lane in lanes):
            break
        for row in _merged(lanes, older=older):
            looked += 1
            if row is not None:
                rows.append(row)
            if len(rows) >= bounds.rows or looked >= bounds.records:
                break
    end = {lane.tp[1]: lane.cut for lane in lanes}
    left = sum(lane.left for lane in lanes)
    if older:
        return Page(rows, end, begin, looked, left)
    return Page(rows[::-1], begin, end, looked, left)


@dataclass(slots=True)
class _Lane(Generic[Row]):
    """One partition: what was read beyond its cut, nearest first, and how far that reaches."""

    tp: PartitionKey
    cut: int
    span: Span
    older: bool
    edge: int = field(init=False)
    waiting: deque[tuple[float, int, Row | None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.edge = self.cut

    @property
    def hungry(self) -> bool:
        """Whether nothing of it waits, though there is more."""
        return not self.waiting and self.edge != self._limit

    @property
    def left(self) -> int:
        return abs(self._limit - self.cut)

    @property
    def _limit(self) -> int:
        return self.span.start if self.older else self.span.end

    def window(self, step: int) -> Span:
        if self.older:
            return Span(max(self.span.start, self.edge - step), self.edge)
        return Span(self.edge, min(self.span.end, self.edge + step))

    def put(self, window: Span, found: Iterable[tuple[float, int, Row | None]]) -> None:
        """Take what a window holds, in the order of its offsets."""
        self.waiting.extend(reversed(list(found)) if self.older else found)
        self.edge = window.start if self.older else window.end
        if not self.waiting:
            self.cut = self.edge

    def take(self) -> Row | None:
        """Move the cut over the nearest record; with the last one, to where reading has come."""
        _, offset, row = self.waiting.popleft()
        self.cut = offset if self.older else offset + 1
        if not self.waiting:
            self.cut = self.edge
        return row


def _merged(lanes: list[_Lane[Row]], *, older: bool) -> Iterator[Row | None]:
    """Take what waits, nearest first, until a lane of which there is more has nothing left."""
    sign = -1 if older else 1
    by_partition = {lane.tp[1]: lane for lane in lanes}
    heads = [(sign * lane.waiting[0][0], sign * lane.tp[1]) for lane in lanes if lane.waiting]
    heapq.heapify(heads)
    while heads:
        lane = by_partition[sign * heads[0][1]]
        row = lane.take()
        if lane.waiting:
            heapq.heapreplace(heads, (sign * lane.waiting[0][0], heads[0][1]))
        else:
            heapq.heappop(heads)
        yield row
        if lane.hungry:
            return


async def _fill(
    reader: TopicReader,
    lanes: list[_Lane[Row]],
    step: int,
    judge: Callable[[RawRecord], Row | None],
) -> tuple[int, int]:
    """Read the next window of each of these lanes; return (records, bytes)."""
    windows = {lane.tp: lane.window(step) for lane in lanes}
    found: dict[PartitionKey, list[tuple[float, int, Row | None]]] = {tp: [] for tp in windows}
    count = size = 0
    async for records in read_through(reader, windows, step):
        if not records:
            continue
        began = time.monotonic()
        judged = await asyncio.to_thread(
            lambda run: [(each.timestamp, each.offset, judge(each)) for each in run], records
        )
        found[records[0].topic, records[0].partition] += judged
        count += len(records)
        size += sum(len(each.key or b"") + len(each.value or b"") for each in records)
        await asyncio.sleep(time.monotonic() - began)
    for lane in lanes:
        lane.put(windows[lane.tp], found[lane.tp])
    return count, size


def _next_step(step: int, records: int, size: int, needed: int, lanes: int) -> int:
    """Return a longer step, as far as it is not too much at once, nor more than seems needed."""
    fitting = STEP_BYTES * max(1, records) // (max(1, size) * lanes)
    return max(1, min(step * 4, MOST_STEP, fitting, 1 + 2 * needed // lanes))

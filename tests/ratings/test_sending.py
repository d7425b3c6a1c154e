"""Sending: in order, all accounted for, whatever the log does, and whenever it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence

import pytest

from app.errors import BrokerUnavailable, InputError
from app.ratings.faulty import RatingMessage
from app.ratings.pace import Pace
from app.ratings.sending import BLOCK, BLOCKS_IN_FLIGHT, Acked, Sent, send_ratings


def messages(count: int) -> list[RatingMessage]:
    return [RatingMessage(b"%d" % (n % 7), b"%d" % n) for n in range(count)]


class Log:
    """A log that acknowledges when `open` is set, and refuses from block `fails_at` on."""

    where = "a log"
    valid_only = False

    def __init__(self, fails_at: int | None = None) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.blocks: list[Sequence[RatingMessage]] = []
        self.in_flight = self.most_in_flight = 0
        self.fails_at = fails_at

    async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
        self.blocks.append(block)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return self._acknowledge(len(self.blocks) - 1, len(block))

    async def _acknowledge(self, number: int, count: int) -> Sequence[Acked]:
        await self.open.wait()
        self.in_flight -= 1
        if self.fails_at is not None and number >= self.fails_at:
            return [Acked(1, count, 0.5, "gone")]
        return [Acked(0, count - 1, 0.1), Acked(1, 1, 0.2)]

    @property
    def values(self) -> list[bytes]:
        return [message.value for block in self.blocks for message in block]


async def send(
    log: Log, source: Iterator[RatingMessage], stop: asyncio.Event | None = None
) -> Sent:
    sent = Sent()
    await send_ratings(source, log, sent, pace=Pace(None), stop=stop or asyncio.Event())
    return sent


async def test_everything_is_sent_in_order_and_acknowledged() -> None:
    log, all_ = Log(), messages(3 * BLOCK + 5)
    sent = await send(log, iter(all_))
    assert log.values == [message.value for message in all_]
    assert (sent.sent, sent.acknowledged, sent.failed) == (len(all_), len(all_), 0)
    assert dict(sent.partitions) == {0: len(all_) - 4, 1: 4}
    assert not sent.interrupted


async def test_latencies_are_weighed_by_events() -> None:
    sent = Sent()
    sent.take([Acked(0, 98, 0.1), Acked(1, 1, 0.4), Acked(2, 1, 0.9)])
    found = sent.latency_seconds(0.5, 0.98, 0.99, 1.0)
    assert found == pytest.approx([0.1, 0.1, 0.4, 0.9], rel=0.021)
    assert (found[-1], sent.longest_seconds) == (0.9, 0.9)
    assert Sent().latency_seconds(0.5) == [0.0]


async def test_only_so_many_blocks_wait_for_their_acknowledgement() -> None:
    log = Log()
    log.open.clear()
    work = asyncio.create_task(send(log, iter(messages(BLOCK * (BLOCKS_IN_FLIGHT + 5)))))
    async with asyncio.timeout(10):
        while log.in_flight < BLOCKS_IN_FLIGHT:
            await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert log.most_in_flight == BLOCKS_IN_FLIGHT
    log.open.set()
    assert (await work).acknowledged == BLOCK * (BLOCKS_IN_FLIGHT + 5)


async def test_a_log_that_refuses_ends_the_sending_and_each_event_is_counted_once() -> None:
    log = Log(fails_at=1)
    sent = await send(log, iter(messages(100 * BLOCK)))
    assert sent.sent < 100 * BLOCK
    assert sent.sent == sent.acknowledged + sent.failed
    assert sent.acknowledged == BLOCK
    assert set(sent.errors) == {"gone"}


async def test_a_hand_over_that_finds_nobody_is_a_failure_not_an_exception() -> None:
    class Away(Log):
        async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
            raise BrokerUnavailable("nobody there")

    sent = await send(Away(), iter(messages(10)))
    assert (sent.sent, sent.failed, dict(sent.errors)) == (10, 10, {"nobody there": 10})


async def test_what_can_not_be_sent_this_way_is_raised_after_the_rest_has_landed() -> None:
    class Picky(Log):
        async def hand_over(self, block: Sequence[RatingMessage]) -> Awaitable[Sequence[Acked]]:
            if self.blocks:
                raise InputError("not this one")
            return await super().hand_over(block)

    sent = Sent()
    with pytest.raises(InputError, match="not this one"):
        await send_ratings(
            iter(messages(2 * BLOCK)), Picky(), sent, pace=Pace(None), stop=asyncio.Event()
        )
    assert (sent.sent, sent.acknowledged) == (BLOCK, BLOCK)


async def test_a_source_that_breaks_off_loses_nothing_of_what_it_gave() -> None:
    def source() -> Iterator[RatingMessage]:
        yield from messages(BLOCK + 3)
        raise InputError("the file is damaged")

    log, sent = Log(), Sent()
    with pytest.raises(InputError, match="damaged"):
        await send_ratings(source(), log, sent, pace=Pace(None), stop=asyncio.Event())
    assert len(log.values) == sent.acknowledged == BLOCK + 3


async def test_a_stop_ends_the_sending_and_waits_for_what_is_on_its_way() -> None:
    log, stop = Log(), asyncio.Event()
    log.open.clear()

    def source() -> Iterator[RatingMessage]:
        yield from messages(2 * BLOCK)
        stop.set()
        log.open.set()
        yield from messages(50 * BLOCK)

    sent = await send(log, source(), stop)
    assert sent.interrupted
    assert 2 * BLOCK <= sent.sent <= 4 * BLOCK
    assert sent.acknowledged + sent.failed == sent.sent
    assert sent.acknowledged >= 2 * BLOCK


@pytest.mark.parametrize("blocks", [1, BLOCKS_IN_FLIGHT + 5])
async def test_a_log_that_is_silent_after_a_stop_is_not_waited_for_for_ever(
    blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ratings.sending.FLUSH_SECONDS", 0.05)
    log, stop = Log(), asyncio.Event()
    log.open.clear()
    work = asyncio.create_task(send(log, iter(messages(blocks * BLOCK)), stop))
    async with asyncio.timeout(10):
        while log.in_flight < min(blocks, BLOCKS_IN_FLIGHT):
            await asyncio.sleep(0)
        stop.set()
        sent = await work
    assert sent.interrupted
    assert sent.sent == sent.failed == min(blocks, BLOCKS_IN_FLIGHT) * BLOCK
    assert list(sent.errors) == ["not acknowledged within 0 s of the interrupt"]

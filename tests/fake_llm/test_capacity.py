"""Slots and queue: a loaded server lets callers wait, a shedding one sends them away."""

from __future__ import annotations

import asyncio

import pytest

from app.fake_llm.capacity import Capacity, Limits, QueueFull


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Work:
    """Starts callers of a capacity and lets them go one by one."""

    def __init__(self, limits: Limits) -> None:
        self.capacity = Capacity(limits)
        self.inside: list[int] = []
        self.doors: dict[int, asyncio.Event] = {}

    async def enter(self, number: int) -> asyncio.Task[None]:
        task = asyncio.create_task(self._caller(number))
        await settle()
        return task

    async def _caller(self, number: int) -> None:
        self.doors[number] = asyncio.Event()
        async with self.capacity.slot():
            self.inside.append(number)
            await self.doors[number].wait()

    async def leave(self, number: int) -> None:
        self.doors[number].set()
        await settle()


async def test_without_limits_everybody_is_inside() -> None:
    work = Work(Limits())
    tasks = [await work.enter(number) for number in range(9)]
    assert work.inside == list(range(9))
    for number in range(9):
        await work.leave(number)
    await asyncio.gather(*tasks)


async def test_who_finds_no_slot_waits_in_the_order_of_arrival() -> None:
    work = Work(Limits(slots=2))
    tasks = [await work.enter(number) for number in range(5)]
    assert (work.inside, work.capacity.waiting) == ([0, 1], 3)
    await work.leave(1)
    assert work.inside == [0, 1, 2]
    for number in (0, 2, 3, 4):
        await work.leave(number)
    await asyncio.gather(*tasks)
    assert work.inside == [0, 1, 2, 3, 4]


async def test_beyond_the_queue_a_caller_is_sent_away_at_once() -> None:
    work = Work(Limits(slots=1, queue=1))
    first, second = await work.enter(1), await work.enter(2)
    third = await work.enter(3)
    with pytest.raises(QueueFull):
        await third
    await work.leave(1)
    await work.leave(2)
    await asyncio.gather(first, second)


async def test_a_caller_that_goes_gives_its_place_back() -> None:
    work = Work(Limits(slots=1, queue=1))
    first, second = await work.enter(1), await work.enter(2)
    second.cancel()
    await settle()
    third = await work.enter(3)
    first.cancel()
    await settle()
    assert work.inside == [1, 3]
    await work.leave(3)
    await third


async def test_a_slot_that_comes_with_the_cancellation_goes_to_the_next() -> None:
    work = Work(Limits(slots=1))
    first, second = await work.enter(1), await work.enter(2)
    third = await work.enter(3)
    work.doors[1].set()
    await asyncio.sleep(0)  # the first one leaves: the slot is promised to the second ...
    second.cancel()  # ... which goes in the same moment
    await settle()
    assert work.inside == [1, 3]
    await work.leave(3)
    await asyncio.gather(first, third)


async def test_more_slots_let_those_in_who_wait() -> None:
    work = Work(Limits(slots=1))
    tasks = [await work.enter(number) for number in range(3)]
    work.capacity.limits = Limits(slots=2)
    await settle()
    assert work.inside == [0, 1]
    work.capacity.limits = Limits()
    await settle()
    assert work.inside == [0, 1, 2]
    for task in tasks:
        task.cancel()

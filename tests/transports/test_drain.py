"""The drain, and what waits through it (`agents.waits.interruptible`)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agents.waits import Draining, interruptible
from app.transports.strict.drain import Drain


def context(drain: Drain, grace: float = 30.0) -> Any:
    return SimpleNamespace(
        app=SimpleNamespace(consumer=SimpleNamespace(draining=drain)),
        limits=SimpleNamespace(drain_grace_seconds=grace),
    )


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_listen_are_told_once_and_not_after_they_left() -> None:
    drain, told = Drain(), list[str]()
    with drain.telling(lambda: told.append("stays")):
        with drain.telling(lambda: told.append("left")):
            pass
        drain.set()
        drain.set()
        drain.clear()
        drain.set()
    assert told == ["stays"]
    with drain.telling(lambda: told.append("came later")):
        assert told == ["stays", "came later"]
    assert not drain._listeners


async def test_without_a_drain_results_and_errors_pass() -> None:
    async def fails() -> None:
        raise TimeoutError("its own")

    here = context(Drain())
    assert await interruptible(here, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(TimeoutError, match="its own"):
        await interruptible(here, fails())


async def test_a_drain_cuts_what_outlasts_its_grace_and_nothing_else() -> None:
    drain, cut = Drain(), list[str]()

    async def work(seconds: float, name: str) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            cut.append(name)
            raise
        return name

    here = context(drain, grace=0.2)
    short = asyncio.create_task(interruptible(here, work(0.05, "short")))
    long = asyncio.create_task(interruptible(here, work(30, "long")))
    own = asyncio.create_task(interruptible(here, work(30, "own"), lambda: 0.0))
    await settle()
    drain.set()
    assert await short == "short"
    for task in (own, long):
        with pytest.raises(Draining):
            await task
    assert cut == ["own", "long"]


async def test_into_a_drain_that_goes_on_only_what_need_not_wait_comes_through() -> None:
    drain = Drain()
    drain.set()
    slots = asyncio.Semaphore(1)
    assert await interruptible(context(drain), slots.acquire(), grace_seconds=0)
    with pytest.raises(Draining):
        await interruptible(context(drain), slots.acquire(), grace_seconds=0)
    slots.release()
    assert not slots.locked(), "a wait that was cut keeps no slot"


async def test_a_cancelled_task_is_cancelled_in_a_drain_too() -> None:
    drain = Drain()
    task = asyncio.create_task(interruptible(context(drain), asyncio.sleep(30)))
    await settle()
    drain.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_shielded_work_goes_on_when_its_wait_is_cut() -> None:
    drain, done = Drain(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.set()

    task = asyncio.create_task(work())
    drain.set()
    with pytest.raises(Draining):
        await interruptible(context(drain), asyncio.shield(task), grace_seconds=0)
    await asyncio.wait_for(done.wait(), 30)

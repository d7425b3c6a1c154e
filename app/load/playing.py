"""A whole run: look whether the service is there, send, follow, wait for the last ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from app.errors import UnavailableError
from app.load.following import Follower
from app.load.generator import Generator
from app.load.plan import Plan
from app.load.results import Results
from app.load.target import Ready, http_target

_LOOK_SECONDS = 0.5


@dataclass
class Played:
    """A run, while it goes on and when it is over."""

    plan: Plan
    results: Results = field(default_factory=Results)
    started_at: float = 0.0
    """Unix seconds."""
    ready: list[Ready] = field(default_factory=list)
    follower: Follower | None = None
    phase: str = "starting"
    now: Callable[[], float] = lambda: 0.0


async def play(
    plan: Plan, stop: asyncio.Event, shown: Callable[[Played], Awaitable[None]] | None = None
) -> Played:
    """Play a run to its end, or until `stop`; `shown` is told how it stands, again and again.

    Raises UnavailableError when none of the addresses answers.
    """
    played = Played(plan)
    async with http_target(
        plan.urls, plan.traffic.path, token=plan.token, timeout_seconds=plan.timeout_seconds
    ) as target:
        played.ready = await target.ready()
        if not any(each.status for each in played.ready):
            first = played.ready[0]
            raise UnavailableError(f"no worker answers at {first.url}: {first.detail}")
        generator = Generator(
            plan.traffic,
            target,
            played.results,
            most_in_flight=plan.most_in_flight,
            accepted=lambda taken: played.follower.accepted(taken) if played.follower else None,
        )
        played.started_at = time.time() - generator.now()
        played.now = generator.now
        if plan.follow:
            follower = Follower(target, played.results, played.started_at, generator.now)
            played.follower = follower
        beside = [asyncio.create_task(_show(played, shown))] if shown is not None else []
        if played.follower is not None:
            beside.append(asyncio.create_task(played.follower.run()))
        try:
            played.phase = "sending"
            await _or_defect(generator.run(plan.times(), stop), beside)
            played.phase = "waiting for the last ends"
            await _or_defect(_drain(played, stop), beside)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    _close(played, stop)
    return played


async def _drain(played: Played, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(played.plan.drain_seconds):
            while played.follower is not None and played.follower.waiting and not stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await stop.wait()


def _close(played: Played, stop: asyncio.Event) -> None:
    if played.follower is not None:
        played.follower.close()
    played.results.end_seconds = played.now()
    played.results.interrupted = stop.is_set()
    played.phase = "interrupted" if stop.is_set() else "done"


async def _show(played: Played, shown: Callable[[Played], Awaitable[None]]) -> None:
    while True:
        await shown(played)
        await asyncio.sleep(_LOOK_SECONDS)


async def _or_defect(work: Coroutine[Any, Any, None], beside: list[asyncio.Task[None]]) -> None:
    """Await work; a defect of what goes on beside it ends it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, *beside}, return_when=asyncio.FIRST_COMPLETED)
        for each in beside:
            if each.done():
                each.result()
        await task
    finally:
        task.cancel()

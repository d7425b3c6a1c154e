"""What an overloaded model server makes of its callers: our turnstile beside the usual script.

    python -m bench.overload [--seconds 60] [--json]

Two servers in this process. `queues`: works on 2 calls at a time, queues the rest without bound, as
a loaded Ollama does, and the caller has a time-out. `sheds`: answers 503 beyond 2 calls. After a
third of the time the server gets eight times the capacity: the overload is over.

The peer is the script that everybody writes: a semaphore and a retry decorator (five tries, waits
of 0.5, 1, 2, 4 s and jitter). Ours is what stands before a call in `ask`, limiter and breaker, with
the waits of `hold` at the same base. Both have the same 16 workers, questions without end, and the
same server. Wasted is a call that was made and not answered; lost is a question that used up its
tries.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from agents.turnstile import Turnstile
from app.core.breaker import BreakerPolicy
from app.core.failures import CAUSES, Cause
from app.core.limiter import Limiter
from app.core.pressure import Pressure, blames_the_server, pressure_of
from app.core.retry import GiveUp, RetryKind, RetryPolicy, next_wait
from app.fake_llm.capacity import Capacity, Limits, QueueFull
from app.metrics import Metrics

WORKERS = 16
CALL_SECONDS = 0.5
TIMEOUT_SECONDS = 3.0
SLOTS, SLOTS_LATER = 2, 16
TRIES = 5
FIRST_WAIT_SECONDS = 0.5
WINDOW_SECONDS = 2.0


class Failed(Exception):
    """A call failed, with its cause."""

    def __init__(self, cause: Cause, status: int | None = None) -> None:
        super().__init__(cause.name)
        self.cause = cause
        self.status = status


@dataclass
class Server:
    """A model server with `slots`; `sheds` what it can't work on, or queues it."""

    sheds: bool
    calls: int = 0
    answered: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.set_slots(SLOTS)

    def set_slots(self, slots: int) -> None:
        limits = Limits(slots, 0 if self.sheds else None)
        if hasattr(self, "capacity"):
            self.capacity.limits = limits
        else:
            self.capacity = Capacity(limits)

    async def call(self) -> None:
        """Answer, or raise Failed."""
        self.calls += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self.capacity.slot():
                await asyncio.sleep(CALL_SECONDS)
        except QueueFull:
            raise Failed(CAUSES["overloaded"], 503) from None
        except TimeoutError:
            raise Failed(CAUSES["timeout"]) from None
        self.answered.append(time.monotonic())


def retried(call: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """The decorator everybody writes."""

    @functools.wraps(call)
    async def again() -> None:
        for attempt in range(TRIES):
            try:
                return await call()
            except Failed:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(FIRST_WAIT_SECONDS * 2**attempt + random.random() / 10)
        return None

    return again


async def script(server: Server, questions: Iterator[int], lost: list[int]) -> None:
    """The peer, until it is cancelled."""
    ask = retried(server.call)

    async def worker() -> None:
        for question in questions:
            try:
                await ask()
            except Failed:
                lost.append(question)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))


async def guarded(server: Server, questions: Iterator[int], lost: list[int]) -> None:
    """Ours, until it is cancelled. A question that waits for its retry leaves its worker."""
    policy = RetryPolicy(FIRST_WAIT_SECONDS, 60.0, TRIES - 1)  # as many calls as the peer makes
    turnstile = Turnstile(
        Limiter(WORKERS, TIMEOUT_SECONDS),
        BreakerPolicy(probe_seconds=1.0),
        Metrics(),
        random.Random(),
        structlog.get_logger(),
    )
    due: list[tuple[int, int]] = []

    async def later(question: int, tries: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        due.append((question, tries))

    async def worker() -> None:
        waits = set[asyncio.Task[None]]()
        while True:
            question, tries = due.pop(0) if due else (next(questions), 0)
            seconds = await one_call(turnstile, server, policy, tries)
            if seconds is None:
                continue
            if seconds < 0:
                lost.append(question)
                continue
            wait = asyncio.create_task(later(question, tries + 1, seconds))
            waits.add(wait)
            wait.add_done_callback(waits.discard)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))


async def one_call(
    turnstile: Turnstile, server: Server, policy: RetryPolicy, tries: int
) -> float | None:
    """Call until there is an outcome: None answered, else the wait in seconds, -1 given up."""
    while True:
        leave = await turnstile.line_up()
        try:
            await server.call()
        except Failed as error:
            turnstile.ended(leave, pressure_of(error.cause))
            if leave.probe and blames_the_server(error.cause, error.status):
                continue
            wait = next_wait(policy, RetryKind.OVERLOAD, tries, None, random.random())
            return -1.0 if isinstance(wait, GiveUp) else wait.seconds
        turnstile.ended(leave, Pressure.FINE)
        return None


async def measure(kind: str, contestant: Any, seconds: float) -> dict[str, float | None]:
    """Run one contestant on one server; return its figures."""
    server = Server(sheds=kind == "sheds")
    lost: list[int] = []
    began = time.monotonic()
    run = asyncio.create_task(contestant(server, itertools.count(), lost))
    await asyncio.sleep(seconds / 3)
    over = time.monotonic()
    if run.done():
        run.result()
    calls_before, answers_before = server.calls, len(server.answered)
    server.set_slots(SLOTS_LATER)
    await asyncio.sleep(2 * seconds / 3)
    end = time.monotonic()
    run.cancel()
    await asyncio.wait({run})
    return {
        "goodput_overloaded": round(answers_before / (over - began), 2),
        "wasted_share_overloaded": round(1 - answers_before / calls_before, 3),
        "seconds_to_recovery": _recovery(server.answered, over, end),
        "goodput_after": round((len(server.answered) - answers_before) / (end - over), 2),
        "lost": len(lost),
    }


def _recovery(answered: list[float], over: float, end: float) -> float | None:
    """Return when the goodput of a window first is 90 % of what the server can do."""
    wanted = 0.9 * SLOTS_LATER / CALL_SECONDS * WINDOW_SECONDS
    for tenth in range(int(10 * (end - over - WINDOW_SECONDS))):
        start = over + tenth / 10
        if sum(start <= at < start + WINDOW_SECONDS for at in answered) >= wanted:
            return tenth / 10
    return None


async def measure_all(seconds: float) -> dict[str, dict[str, dict[str, float | None]]]:
    """Run all four side by side: they sleep nearly all the time."""
    cases = [(kind, who) for kind in ("queues", "sheds") for who in ("script", "answerloop")]
    contestants = {"script": script, "answerloop": guarded}
    rows = await asyncio.gather(*(measure(k, contestants[w], seconds) for k, w in cases))
    found: dict[str, dict[str, dict[str, float | None]]] = {"queues": {}, "sheds": {}}
    for (kind, who), row in zip(cases, rows, strict=True):
        found[kind][who] = row
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="length of the run")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    random.seed(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    found = asyncio.run(measure_all(arguments.seconds))
    if arguments.json:
        sys.stdout.write(json.dumps({"seconds": arguments.seconds, "results": found}, indent=2))
        sys.stdout.write("\n")
        return
    table = Table(
        title=f"{WORKERS} workers, calls of {CALL_SECONDS} s, time-out {TIMEOUT_SECONDS} s, "
        f"{SLOTS} slots, then {SLOTS_LATER}"
    )
    table.add_column("server")
    table.add_column("who")
    for name in next(iter(found["queues"].values())):
        table.add_column(name.replace("_", " "), justify="right")
    for kind, whos in found.items():
        for who, row in whos.items():
            table.add_row(kind, who, *("-" if v is None else str(v) for v in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()

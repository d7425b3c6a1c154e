"""Targets that do what a test says, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.load.generator import Generator
from app.load.outcome import Kind, Outcome
from app.load.questions import Request
from app.load.results import Results

#: From the arrival of a request (seconds since the start) to how long its answer takes.
Delay = Callable[[float], float]


class Plain:
    """Traffic of bodies without content."""

    path = "/query"

    def make(self, n: int, due: float) -> Request:
        return Request(n, b"{}")


class Scripted:
    """Answers each request after the delay that its arrival has."""

    def __init__(self, delay: Delay, outcome: Outcome | None = None) -> None:
        self._delay = delay
        self._outcome = outcome or Outcome(Kind.ACCEPTED, "202", "id")
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self.arrived: list[float] = []

    async def send(self, n: int, request: Request) -> Outcome:
        arrived = self._loop.time() - self._start
        self.arrived.append(arrived)
        await asyncio.sleep(self._delay(arrived))
        return self._outcome


def make_generator(target: Scripted, results: Results, most_in_flight: int = 500) -> Generator:
    clock = asyncio.get_running_loop().time
    return Generator(Plain(), target, results, most_in_flight=most_in_flight, clock=clock)


def stalling(start: float, end: float, usual: float = 0.001) -> Delay:
    """Return the delays of a server that stands still from `start` to `end`."""
    return lambda arrived: usual + (end - arrived if start <= arrived < end else 0.0)

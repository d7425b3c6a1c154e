"""Ends are seen at little cost, with the service's own times, whatever its clock says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.errors import UnavailableError
from app.load.clocks import ClockOffset
from app.load.following import MOST_IN_PAGE, RESTS, Follower
from app.load.generator import Taken
from app.load.outcome import Kind, Outcome
from app.load.results import Results
from app.load.target import Page, Row
from tests.flow.simulated_time import run_simulated

START = 1_800_000_000.0
STRANGERS = 3_000


@dataclass
class Service:
    """Questions that end some seconds after their acceptance; its clock is `ahead` of ours."""

    ahead: float = 0.0
    page_seconds: float = 0.02
    down: bool = False
    accepted: list[tuple[str, float, float]] = field(default_factory=list)
    """Id, second of acceptance, second of the end."""
    pages: int = 0

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = self.loop.time()
        # What others asked before: it is never to be read through.
        self.accepted += [(f"old-{n}", n - STRANGERS - 60.0, 0.0) for n in range(STRANGERS)]

    def now(self) -> float:
        return self.loop.time() - self.begun

    def take(self, name: str, seconds: float) -> None:
        self.accepted.append((name, self.now(), self.now() + seconds))

    async def page(self, limit: int, cursor: str | None) -> Page:
        await asyncio.sleep(self.page_seconds)
        if self.down:
            raise UnavailableError("down")
        self.pages += 1
        assert 1 <= limit <= MOST_IN_PAGE
        last = len(self.accepted) if cursor is None else int(cursor)
        found = self.accepted[max(0, last - limit) : last][::-1]
        rows = [
            Row(
                name,
                "validated" if end <= self.now() else "asking",
                self._time(at),
                self._time(end) if end <= self.now() else None,
            )
            for name, at, end in found
        ]
        return Page(rows, str(last - limit) if last > limit else None)

    def _time(self, second: float) -> datetime:
        milliseconds = int((START + second + self.ahead) * 1000)
        return datetime.fromtimestamp(milliseconds / 1000, UTC)


async def follow(
    service: Service, ends: list[float], *, rate: float = 10.0, seconds: float = 120.0
) -> tuple[Follower, Results]:
    """Have questions accepted at a rate, each ending after its seconds, and follow them."""
    results = Results()
    follower = Follower(service, results, START, service.now)
    task = asyncio.create_task(follower.run())
    for n, after in enumerate(ends):
        due = n / rate
        await asyncio.sleep(max(0.0, due - service.now()))
        began = service.now()
        await asyncio.sleep(0.002)
        service.take(f"q{n}", after)
        await asyncio.sleep(0.003)
        outcome = Outcome(Kind.ACCEPTED, "202", f"q{n}")
        follower.accepted(Taken(outcome, False, due, began, service.now()))
    end = service.now() + seconds
    while follower.waiting and service.now() < end:
        await asyncio.sleep(0.5)
    task.cancel()
    follower.close()
    return follower, results


@pytest.mark.parametrize("ahead", [0.0, 7.5, -3600.0])
def test_times_of_ends_are_the_services_own_whatever_its_clock_says(ahead: float) -> None:
    async def play() -> tuple[Follower, Results]:
        return await follow(Service(ahead), [0.5 + n % 10 for n in range(200)])

    follower, results = run_simulated(play())
    assert (results.followed, results.settled, results.unsettled) == (200, 200, 0)
    assert results.states == {"validated": 200}
    assert results.settle_seconds.quantile(1.0) == pytest.approx(9.502, abs=0.006)
    assert results.settle_seconds.quantile(0.5) == pytest.approx(4.5, abs=0.05)
    assert follower.clocks.seconds == pytest.approx(ahead, abs=0.004)
    assert sum(window.settled for _, window in results.windows.all()) == 200


def test_looking_takes_a_twentieth_of_the_time_however_many_are_followed() -> None:
    async def play() -> tuple[Follower, Results, Service]:
        service = Service(page_seconds=0.1)
        return *(await follow(service, [5.0] * 3_000, rate=100.0)), service

    follower, results, service = run_simulated(play())
    assert results.settled == 3_000
    assert follower.look_seconds <= service.now() / (RESTS + 1) * 1.1
    # Each question is read a few times, and others' are left alone.
    assert service.pages * MOST_IN_PAGE < 10 * 3_000


def test_what_does_not_end_in_time_is_longer_than_all_others() -> None:
    async def play() -> tuple[Follower, Results]:
        return await follow(Service(), [1.0] * 95 + [10_000.0] * 5)

    _, results = run_simulated(play())
    assert (results.settled, results.unsettled) == (95, 5)
    assert results.settle_seconds.quantile(0.95) == pytest.approx(1.0, abs=0.01)
    assert results.settle_seconds.quantile(0.99) == float("inf")


def test_a_question_that_is_not_listed_is_not_looked_for_among_all_others() -> None:
    async def play() -> tuple[int, Results]:
        service, results = Service(), Results()
        follower = Follower(service, results, START, service.now)
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(1.0)
        service.take("listed", 60.0)
        for name in ("listed", "not listed"):
            outcome = Outcome(Kind.ACCEPTED, "202", name)
            follower.accepted(Taken(outcome, False, 1.0, 1.0, 1.0))
        await asyncio.sleep(40.0)
        task.cancel()
        return service.pages, results

    pages, results = run_simulated(play())
    assert results.followed == 2
    assert 20 <= pages <= 40  # one a second, not all pages of all others' questions


def test_a_service_that_can_not_be_asked_is_asked_again() -> None:
    async def play() -> tuple[Follower, Results]:
        service = Service(down=True)
        asyncio.get_running_loop().call_later(30.0, setattr, service, "down", False)
        return await follow(service, [1.0] * 20)

    follower, results = run_simulated(play())
    assert follower.troubles > 0
    assert results.settled == 20
    assert results.settle_seconds.longest == pytest.approx(1.002, abs=0.005)


def test_a_repeat_ends_with_its_question_and_a_stored_answer_at_once() -> None:
    async def play() -> Results:
        service, results = Service(), Results()
        follower = Follower(service, results, START, service.now)
        task = asyncio.create_task(follower.run())
        await asyncio.sleep(1.0)
        service.take("q", 20.0)
        taken = Outcome(Kind.ACCEPTED, "202", "q")
        follower.accepted(Taken(taken, False, 1.0, 1.0, 1.0))
        await asyncio.sleep(8.0)
        follower.accepted(Taken(taken, True, 9.0, 9.0, 9.01))
        await asyncio.sleep(30.0)
        stored = Outcome(Kind.ACCEPTED, "200", "q", "validated")
        follower.accepted(Taken(stored, True, 39.0, 39.0, 39.25))
        task.cancel()
        return results

    results = run_simulated(play())
    assert (results.followed, results.settled) == (3, 3)
    latency = results.settle_seconds
    assert latency.quantile(1.0) == pytest.approx(20.0, abs=0.002)
    assert latency.quantile(0.66) == pytest.approx(12.0, rel=0.006)
    assert latency.quantile(0.33) == pytest.approx(0.25, rel=0.006)


def test_clocks_of_several_workers_that_differ_are_noticed() -> None:
    clocks = ClockOffset()
    assert not clocks.known
    clocks.note(105.0, 100.0, 100.2)
    assert clocks.spread == 0.0
    assert clocks.seconds == pytest.approx(4.9, abs=0.01)
    clocks.note(203.0, 200.0, 200.2)
    assert clocks.spread == pytest.approx(1.8, abs=0.01)

"""The open loop, on a loop whose time is simulated: what is measured is exact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from app.load.arrivals import constant, due_times, until
from app.load.generator import GRACE_SECONDS
from app.load.histogram import Histogram
from app.load.outcome import Kind, Outcome
from app.load.questions import Request
from app.load.results import Results
from tests.flow.simulated_time import run_simulated
from tests.load.scripted import Scripted, make_generator, stalling

STALL = stalling(5.0, 7.0)


def times(rate: float, seconds: float) -> Iterator[float]:
    return until(due_times(constant(rate)), seconds, None)


async def open_loop(target: Scripted, rate: float, seconds: float, most: int = 500) -> Results:
    results = Results()
    await make_generator(target, results, most).run(times(rate, seconds), asyncio.Event())
    return results


async def closed_loop(target: Scripted, rate: float, seconds: float) -> Histogram:
    """A client that waits for its answer, then for its next turn: what most scripts are."""
    loop = asyncio.get_running_loop()
    start, found = loop.time(), Histogram()
    for n in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, start + n / rate - loop.time()))
        began = loop.time()
        await target.send(n, Request(n, b"{}"))
        found.record(loop.time() - began)
    return found


def test_a_stall_of_two_seconds_shows_in_p99_where_a_closed_loop_hides_it() -> None:
    async def both() -> tuple[Results, Histogram]:
        opened = await open_loop(Scripted(STALL), 100.0, 20.0)
        return opened, await closed_loop(Scripted(STALL), 100.0, 20.0)

    results, closed = run_simulated(both())
    latency = results.accept_seconds
    # 200 of 2,000 requests are due in the stall, and wait 2 s to 0 s for its end.
    assert latency.quantile(0.99) == pytest.approx(1.81, abs=0.02)
    assert latency.quantile(0.95) == pytest.approx(1.01, abs=0.02)
    assert latency.quantile(0.5) == pytest.approx(0.001, rel=0.01)
    assert closed.quantile(0.99) == pytest.approx(0.001, rel=0.01)  # one request met the stall
    assert closed.longest == pytest.approx(2.001)
    assert results.lag_seconds.longest == pytest.approx(0.0, abs=1e-9)


def test_no_answer_delays_a_request() -> None:
    async def arrivals() -> list[float]:
        target = Scripted(lambda _: 30.0)
        await open_loop(target, 10.0, 5.0)
        return target.arrived

    assert run_simulated(arrivals()) == pytest.approx([n / 10 for n in range(50)])


def test_beyond_the_bound_requests_are_counted_and_longer_than_all_others() -> None:
    results = run_simulated(run(lambda: open_loop(Scripted(STALL), 100.0, 20.0, most=50)))
    assert results.most_in_flight == 50
    assert results.due == 2_000
    assert results.sent + results.not_sent == results.due
    assert results.not_sent == pytest.approx(150, abs=1)
    assert results.accepted == results.sent
    assert results.accept_seconds.quantile(0.99) == float("inf")
    assert sum(each.not_sent for _, each in results.windows.all()) == results.not_sent
    assert results.failed_share == pytest.approx(0.075, abs=0.001)


def test_a_generator_that_is_late_blames_the_lag_on_itself() -> None:
    class Slow(Scripted):
        """Keeps the whole loop busy: simulated time goes on while nothing else runs."""

        async def send(self, n: int, request: Request) -> Outcome:
            if n == 10:
                asyncio.get_running_loop()._jumping.jumped += 1.0  # type: ignore[attr-defined]
            return await super().send(n, request)

    results = run_simulated(run(lambda: open_loop(Slow(lambda _: 0.0), 10.0, 5.0)))
    assert results.lag_seconds.longest == pytest.approx(0.9)  # request 11 was due at 1.1 s
    # Request 10 took the second, those due in it waited for its end: 0.9 s, 0.8 s, ...
    assert results.accept_seconds.total == pytest.approx(1.0 + 4.5)
    assert results.due == 50


def test_every_request_is_in_one_count() -> None:
    outcomes = [
        Outcome(Kind.ACCEPTED, "202", "a"),
        Outcome(Kind.ACCEPTED, "200", "a", "validated"),
        Outcome(Kind.REFUSED, "503 backlog_full", retry_after=3.0),
        Outcome(Kind.REFUSED, "429", retry_after=40.0),
        Outcome(Kind.ERROR, "500 internal"),
        Outcome(Kind.UNANSWERED, "timeout"),
    ]

    class Mixed(Scripted):
        async def send(self, n: int, request: Request) -> Outcome:
            await super().send(n, request)
            return outcomes[n % len(outcomes)]

    results = run_simulated(run(lambda: open_loop(Mixed(lambda _: 0.1), 10.0, 6.0)))
    assert (results.due, results.accepted, results.known, results.unanswered) == (60, 20, 10, 10)
    assert results.refused == {"503 backlog_full": 10, "429": 10}
    assert results.errors == {"500 internal": 10}
    assert (results.least_retry_after, results.most_retry_after) == (3.0, 40.0)
    # An error counts as never accepted: a server that refuses at once is not a quick one.
    assert (results.accept_seconds.count, results.accept_seconds.missing) == (20, 20)
    assert results.failed_share == pytest.approx(20 / 60)  # refusals are none
    assert results.in_flight == 0


def test_an_interrupt_ends_it_soon_and_says_what_was_cut_off() -> None:
    async def interrupted() -> tuple[Results, float]:
        results, stop = Results(), asyncio.Event()
        generator = make_generator(Scripted(lambda n: 60.0 if n > 1.0 else 0.1), results)
        asyncio.get_running_loop().call_later(3.0, stop.set)
        await generator.run(times(10.0, 1_000.0), stop)
        return results, generator.now()

    results, ended = run_simulated(interrupted())
    assert ended == pytest.approx(3.0 + GRACE_SECONDS)
    assert results.sent == results.accepted + results.cut
    assert results.cut == pytest.approx(20, abs=2)
    assert results.in_flight == 0


def test_a_defect_of_the_generator_is_raised() -> None:
    class Broken(Scripted):
        async def send(self, n: int, request: Request) -> Outcome:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_simulated(run(lambda: open_loop(Broken(lambda _: 0.0), 10.0, 5.0)))


async def run(make: object) -> Results:
    return await make()  # type: ignore[operator,no-any-return]


def test_the_rates_are_those_of_the_schedule_and_of_what_came_back() -> None:
    """One request that hangs, and one end that never comes, make no run slower than it was."""
    results = Results()
    for n in range(1_000):
        results.begins(n / 100, n / 100)
    for n in range(999):
        results.ends(n / 100, n / 100 + 0.01, Outcome(Kind.ACCEPTED))
        results.settles(n / 100, n / 100 + 1.0, "validated")
    results.ends(9.99, 39.99, Outcome(Kind.UNANSWERED))
    results.end_seconds = 70.0
    rates = results.per_second
    assert rates["due"] == pytest.approx(100, rel=0.01)
    assert rates["accepted"] == pytest.approx(100, rel=0.01)
    assert rates["settled"] == pytest.approx(999 / 10.98, rel=0.001)
    assert Results().per_second == {"due": 0.0, "accepted": 0.0, "settled": 0.0}

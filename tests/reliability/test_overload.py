"""Overload before it hurts: L1, L5 and L6, side by side to save time."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.breaker import BreakerState
from app.core.lifecycle import Status
from app.core.retry import RetryKind as Kind
from app.core.retry import RetryPolicy, nominal_wait
from tests.reliability.overload_runs import QUESTIONS, Run, all_at_once
from tests.servers.kafka import KafkaServer
from tests.servers.postgres import PostgresServer

pytestmark = [
    pytest.mark.alone,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(240),
]

POLICY = RetryPolicy()
#: A due wait is announced by a timer and released through the log. Three engines share this loop.
RELEASED_WITHIN_SECONDS = 5.0


def measured(text: str) -> None:
    """Show a figure for docs/reliability.md (pytest -s)."""
    sys.stdout.write(f"\n{text}\n")


@pytest.fixture(scope="module")
def runs(broker: KafkaServer, postgres_server: PostgresServer) -> Iterator[tuple[Run, Run, Run]]:
    with tempfile.TemporaryDirectory(prefix="answerloop-overload-") as folder:
        yield asyncio.run(all_at_once(Path(folder), postgres_server, broker))


def test_l1_a_minute_of_503_costs_few_calls_and_no_question(runs: tuple[Run, Run, Run]) -> None:
    run = runs[0]
    assert {row.status for row in run.rows} == {Status.VALIDATED}
    states = [sample.state for sample in run.samples]
    assert BreakerState.OPEN in states
    assert run.figures["breaker_opened"] == 1
    calls, probes = len(run.server.calls), run.figures["breaker_probes"]
    measured(
        f"L1: {calls} calls, {probes} probes, {QUESTIONS} questions, all answered "
        f"{run.marks['done'] - run.marks['healthy']:.1f} s after it was healthy"
    )
    assert calls <= 1.1 * QUESTIONS + probes
    retried = [row for row in run.rows if len(row.attempts) > 1]
    assert retried, "the calls before the breaker opened"
    for row in retried:
        for number, attempt in enumerate(row.attempts[1:]):
            nominal = nominal_wait(POLICY, Kind.OVERLOAD, number)
            shortest, longest = 0.8 * nominal, 1.2 * nominal + RELEASED_WITHIN_SECONDS
            assert shortest <= attempt.waited_seconds <= longest


def test_l5_a_slow_minute_lowers_the_limit_and_costs_no_rebalance(
    runs: tuple[Run, Run, Run],
) -> None:
    run = runs[1]
    slow = [s for s in run.samples if run.marks["slow"] <= s.at < run.marks["healthy"]]
    lowest = min(sample.limit for sample in slow)
    measured(
        f"L5: limit 8 -> {lowest} -> {run.samples[-1].limit}, "
        f"{run.figures['rebalances']} rebalances, goodput "
        f"{run.goodput(run.marks['slow'] + 20, run.marks['healthy']):.2f}/s while slow (at most "
        f"{8 / 3:.2f})"
    )
    assert max(s.limit for s in run.samples if s.at < run.marks["slow"]) == 8
    assert lowest <= 4
    assert run.samples[-1].limit == 8
    assert run.figures["rebalances"] == 0
    assert run.figures["breaker_opened"] == 0
    assert set(run.figures["settled_by_status"]) == {"validated"}
    assert len(run.server.calls) == run.submitted


def test_l6_goodput_is_back_within_a_minute_of_an_overload(runs: tuple[Run, Run, Run]) -> None:
    run = runs[2]
    before, back, healthy = run.before, run.back_after(), run.marks["healthy"]
    during = run.goodput(run.marks["overload"] + 2, healthy)
    measured(
        f"L6: {before:.1f}/s before, {during:.2f}/s of 1 while overloaded, back after {back} s"
    )
    assert before >= 3 * during, "it was an overload"
    assert back is not None
    assert set(run.figures["settled_by_status"]) == {"validated"}, "nobody's retries were used up"

"""The broker is killed under load, and workers are stopped without it (B1, B3).

Each test plays a scenario of `answerloop chaos`: the checks with their limits stand there, and
the auditor is a process of its own.
"""

from __future__ import annotations

import pytest

from tests.reliability.conftest import Play

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(420)]


async def test_b1_a_broker_that_is_gone_means_503_and_no_loss(play_scenario: Play) -> None:
    result = await play_scenario("broker-down")
    outages = [fault for fault in result["faults"] if "Kafka" in fault["name"]]
    lasted = [fault["to"] - fault["from"] for fault in outages]
    assert all(seconds >= least for seconds, least in zip(lasted, (5, 20), strict=True))
    assert result["figures"]["refused"] > 0
    assert result["figures"]["refusal_p99_seconds"] <= 3


@pytest.mark.long
async def test_b3_what_a_stop_without_a_broker_interrupts_is_not_lost(play_scenario: Play) -> None:
    result = await play_scenario("stop-without-broker")
    assert result["figures"]["slowest_stop_seconds"] <= 30
    assert result["figures"]["log_lines_a_second"] <= 10


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_b1_again_and_again(play_scenario: Play) -> None:
    await play_scenario("broker-down", long=True)

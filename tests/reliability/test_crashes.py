"""Workers are killed, stopped, frozen; `run` is killed (C1 to C4, C6 of docs/reliability.md).

Each test plays a scenario of `answerloop chaos`: the checks with their limits stand there, and
the auditor is a process of its own.
"""

from __future__ import annotations

import pytest

from tests.reliability.conftest import Play

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(420)]


async def test_c1_killed_workers_lose_nothing_and_double_nothing(play_scenario: Play) -> None:
    result = await play_scenario("kill-workers")
    assert result["figures"]["kills"] == 6
    assert result["audit"]["accepted"] >= 200


async def test_c2_ten_rolling_restarts_repeat_no_call(play_scenario: Play) -> None:
    result = await play_scenario("rolling-restarts", workers=2)
    assert result["figures"]["restarts"] == 10
    assert result["audit"]["repeated_calls"] == 0


async def test_c3_a_frozen_worker_that_comes_back_overwrites_nothing(play_scenario: Play) -> None:
    result = await play_scenario("freeze-worker")
    assert result["figures"]["changed_rows"] == 0


async def test_c4_workers_that_are_killed_faster_than_they_start(play_scenario: Play) -> None:
    result = await play_scenario("kill-storm")
    assert result["figures"]["kills"] == 20


async def test_c6_a_run_that_is_killed_again_and_again_finishes(play_scenario: Play) -> None:
    result = await play_scenario("embedded-kills")
    assert result["figures"]["kills"] == 20
    assert result["figures"]["result_rows"] == result["figures"]["questions"]


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name", ["kill-workers", "rolling-restarts", "freeze-worker", "kill-storm"]
)
async def test_c1_to_c4_for_long(play_scenario: Play, name: str) -> None:
    await play_scenario(name, long=True)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_c6_a_hundred_kills(play_scenario: Play) -> None:
    result = await play_scenario("embedded-kills", long=True)
    assert result["figures"]["kills"] == 100

"""The scenarios of `answerloop chaos` that no shorter test of their own plays (make test-long)."""

from __future__ import annotations

import pytest

from tests.reliability.conftest import Play

pytestmark = [
    pytest.mark.long,
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.timeout(1800),
]


@pytest.mark.parametrize(
    "name",
    [
        "model-overload",
        "slow-model",
        "postgres-down",
        "postgres-backends",
        "redis-down",
        "poison",
        "replay",
    ],
)
async def test_a_scenario_of_chaos_holds(play_scenario: Play, name: str) -> None:
    await play_scenario(name)


async def test_k1_five_minutes_with_rotating_faults(play_scenario: Play) -> None:
    result = await play_scenario("soak")
    assert result["figures"]["faults"] >= 8

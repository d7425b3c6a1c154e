"""All scenarios, by name, in the order in which `all` runs them."""

from __future__ import annotations

from app.chaos.scenario import Scenario
from app.chaos.scenarios.kill_workers import KILL_WORKERS

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (KILL_WORKERS,)}

"""The goals of `goals.toml`, and whether a figure meets its own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.figures import Figure

FILE = Path(__file__).with_name("goals.toml")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of a figure's measured value, or of its ratio to the peer."""

    figure: str
    of: Literal["measured", "ratio"]
    bound: float
    at_least: bool

    def met(self, figure: Figure) -> bool | None:
        """Tell whether a figure is within the bound; None where the run can't tell."""
        value = figure.measured if self.of == "measured" else figure.ratio
        if value is None or figure.partial:
            return None
        return value >= self.bound if self.at_least else value <= self.bound


def read_goals(file: Path = FILE) -> dict[str, Goal]:
    """Return goals by figure. Raises ValueError naming the entry that can't be read."""
    goals: dict[str, Goal] = {}
    for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("goal", []):
        goal = _goal(entry)
        if goal.figure in goals:
            raise ValueError(f"{file.name}: two goals for {goal.figure}")
        goals[goal.figure] = goal
    return goals


def _goal(entry: dict[str, Any]) -> Goal:
    bounds = [name for name in ("at_least", "at_most") if name in entry]
    known = {"figure", "of", *bounds} == set(entry) and len(bounds) == 1
    if not known or entry["of"] not in ("measured", "ratio"):
        raise ValueError(
            f"goals.toml: a goal has figure, of (measured or ratio), at_least or at_most: {entry}"
        )
    return Goal(entry["figure"], entry["of"], float(entry[bounds[0]]), bounds[0] == "at_least")

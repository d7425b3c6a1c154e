"""How the tests are shared out when they run side by side (`make test`).

A unit is what one process runs in turn: a file, but for those below. The longest units begin
first, or all would wait for one of them in the end. How long each took is kept in
`durations.json`; `TEST_DURATIONS=tests/durations.json make test` writes it anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadFileScheduling

DURATIONS = Path(__file__).with_name("durations.json")
#: Shorter units are not kept: they fill the gaps in the end.
LEAST_SECONDS = 3.0
#: What a unit that nobody has measured yet may take: it is no short one that comes last.
UNKNOWN_SECONDS = 10.0

#: Long files whose tests share nothing: each test is a unit.
SPLIT = (
    "tests/integration/test_dlq_command.py",
    "tests/integration/test_rolling_restarts.py",
    "tests/reliability/test_fail_points.py",
    "tests/reliability/test_killed_owner.py",
    "tests/reliability/test_ratings.py",
    "tests/reliability/test_rebalance",
    "tests/reliability/test_stops.py",
    "tests/reliability/test_stores.py",
    "tests/reliability/test_stuck.py",
    "tests/security/",
)
#: Files that are one unit.
TOGETHER = {
    "tests/reliability/test_crashes.py": "chaos: one scenario at a time, each loads the machine",
    "tests/reliability/test_broker.py": "chaos: one scenario at a time, each loads the machine",
}


class Units(LoadFileScheduling):
    """Shares out units instead of files."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """Return the unit that a test belongs to."""
    if nodeid.startswith(SPLIT):
        return nodeid
    file = nodeid.partition("::")[0]
    return TOGETHER.get(file, file)


def order(items: list[Any], kept: Mapping[str, float] | None = None) -> None:
    """Put the tests of the longest units first; those of a unit stay together, and as they are."""
    seconds = kept_durations() if kept is None else kept
    units = [(unit, seconds.get(unit, UNKNOWN_SECONDS)) for unit in map(_unit_of, items)]
    places = {unit: place for place, (unit, _) in enumerate(sorted(set(units), key=_longest_first))}
    items.sort(key=lambda item: places[_unit_of(item)])


def _unit_of(item: Any) -> str:
    return unit_of(item.nodeid)


def _longest_first(unit: tuple[str, float]) -> tuple[float, str]:
    name, seconds = unit
    return -seconds, name


def kept_durations() -> dict[str, float]:
    """Return how many seconds each of the longer units took."""
    found: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    return found


class Durations:
    """Adds up what the tests of each unit take, and writes that to a file: a plugin of pytest."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[unit_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self) -> None:
        kept = {unit: round(s) for unit, s in sorted(self._seconds.items()) if s >= LEAST_SECONDS}
        self._file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")

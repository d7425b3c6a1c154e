"""How the tests are shared out when they run side by side (`make test`).

A unit is what one process runs in turn: a file, but for the long tests below. Those begin first,
or all others would wait for the last of them in the end.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

#: Names of tests begin so; the unit they belong to, or None: each is one of its own.
LONG = {
    "tests/reliability/test_crashes.py": "chaos: one scenario at a time, each loads the machine",
    "tests/reliability/test_broker.py": "chaos: one scenario at a time, each loads the machine",
    "tests/docs/test_commands_run.py": "the commands of the pages: one installation",
    "tests/security/test_h1_openapi.py": None,
    "tests/reliability/test_stores.py::test_p1": None,
    "tests/reliability/test_stores.py::test_p3": None,
    "tests/reliability/test_stuck.py::test_b2_with": None,
    "tests/reliability/test_timers.py::test_t2": None,
    "tests/reliability/test_rebalance": None,
    "tests/reliability/test_redrive.py": None,
    "tests/reliability/test_fail_points.py": None,
    "tests/reliability/test_killed_owner.py": None,
    "tests/integration/test_dlq_command.py": None,
    "tests/integration/test_rolling_restarts.py": None,
}


class Units(LoadFileScheduling):
    """By file, but for the long tests."""

    def _split_scope(self, nodeid: str) -> str:
        if (prefix := long_prefix(nodeid)) is None:
            return str(super()._split_scope(nodeid))
        return LONG[prefix] or nodeid


def long_prefix(nodeid: str) -> str | None:
    """Return the entry of `LONG` that a test belongs to, if there is one."""
    return next((prefix for prefix in LONG if nodeid.startswith(prefix)), None)


def order(items: list[Any]) -> None:
    """Put the long tests first, in the order of `LONG`; the others stay as they are."""
    places = {prefix: place for place, prefix in enumerate(LONG)}
    items.sort(key=lambda item: places.get(long_prefix(item.nodeid) or "", len(LONG)))

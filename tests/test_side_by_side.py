"""The longest units begin first, and what shares a unit stays together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.side_by_side import Durations, kept_durations, order, unit_of

CHAOS = "tests/reliability/test_crashes.py::test_c1"


@dataclass(frozen=True)
class Item:
    nodeid: str


@dataclass(frozen=True)
class Report:
    nodeid: str
    duration: float


def test_a_unit_is_a_file_a_test_of_a_split_one_or_files_together() -> None:
    assert unit_of("tests/core/test_due.py::test_a[1]") == "tests/core/test_due.py"
    alone = "tests/security/test_h4_service.py::test_h4_b"
    assert unit_of(alone) == alone
    assert unit_of(CHAOS) == unit_of("tests/reliability/test_broker.py::test_b1")


def test_the_longest_unit_is_first_and_no_unit_is_torn() -> None:
    names = ["a.py::1", "b.py::1", "new.py::1", "a.py::2", "b.py::2", CHAOS]
    items = [Item(name) for name in names]
    order(items, {"b.py": 90, unit_of(CHAOS): 40, "a.py": 5})
    found = [item.nodeid for item in items]
    assert found == ["b.py::1", "b.py::2", CHAOS, "new.py::1", "a.py::1", "a.py::2"]


def test_what_a_unit_took_is_kept_when_it_is_long(tmp_path: Path) -> None:
    kept = Durations(tmp_path / "kept.json")
    for nodeid, seconds in (("a.py::1", 2.0), ("a.py::2", 3.4), ("b.py::1", 1.0)):
        kept.pytest_runtest_logreport(Report(nodeid, seconds))
    kept.pytest_sessionfinish()
    assert (tmp_path / "kept.json").read_text() == '{\n "a.py": 5\n}\n'


@pytest.mark.parametrize("unit", [unit_of(CHAOS), "tests/docs/test_commands_run.py"])
def test_the_longest_units_are_known(unit: str) -> None:
    assert kept_durations()[unit] > 60

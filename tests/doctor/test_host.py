"""This machine, with one reading after the other replaced by a bad one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.doctor.host import MIB, files_needed, memory_needed, pool_connections
from app.doctor.machine import Machine, Room
from app.doctor.outcome import Outcome, Status
from tests.doctor.looking import look, mends, site, type_in


class Fake(Machine):
    """A well machine but for the readings given."""

    def __init__(self, **readings: Any) -> None:
        self._readings = {
            "room": Room(100_000 * MIB, 200_000 * MIB, 10**6, 2 * 10**6),
            "open_files": (65_536, 65_536),
            "memory": (16_000 * MIB, 32_000 * MIB),
            "cores": 8,
            "cpu_flags": frozenset({"avx2", "fma", "sse"}),
            "clock_is_synchronised": True,
            "encoding": "utf-8",
            **readings,
        }

    def __getattribute__(self, name: str) -> Any:
        readings = object.__getattribute__(self, "__dict__").get("_readings", {})
        if name in readings:
            return lambda *_: readings[name]
        return object.__getattribute__(self, name)


def seen(
    folder: Path, name: str, settings: dict[str, Any] | None = None, **readings: Any
) -> Outcome:
    at = site(folder, **(settings or {}))
    at.machine = Fake(**readings)
    return look(at, name)


LOCAL = {"scorer": "local:", "llm": "bundled:"}


@pytest.mark.parametrize(
    ("name", "settings", "readings", "status", "mend"),
    [
        ("disk", {}, {"room": Room(100 * MIB, 9000 * MIB)}, Status.PROBLEM, "DATA_DIR"),
        ("disk", {}, {"room": Room(900 * MIB, 9000 * MIB)}, Status.WARNING, "du -xh"),
        ("disk", {}, {"room": Room(9000 * MIB, 9001 * MIB, 9, 1000)}, Status.WARNING, "free"),
        ("open-files", {}, {"open_files": (512, 512)}, Status.PROBLEM, "LimitNOFILE="),
        ("open-files", {}, {"open_files": (512, -1)}, Status.WARNING, "ulimit -n "),
        ("memory", LOCAL, {"memory": (500 * MIB, 600 * MIB)}, Status.PROBLEM, "SCORER=http://"),
        ("memory", LOCAL, {"memory": (500 * MIB, 9000 * MIB)}, Status.WARNING, "end other"),
        ("cpu", LOCAL, {"cpu_flags": frozenset({"fma"})}, Status.WARNING, "-cpu host"),
        ("threads", LOCAL, {"cores": 1}, Status.WARNING, "ANSWERLOOP_SCORER_THREADS=1"),
        ("clock", {}, {"clock_is_synchronised": False}, Status.WARNING, "timedatectl set-ntp true"),
        ("locale", {}, {"encoding": "ansi_x3.4-1968"}, Status.WARNING, "LC_ALL=C.UTF-8"),
    ],
)
def test_a_bad_reading_is_found_with_its_mend(
    tmp_path: Path,
    name: str,
    settings: dict[str, Any],
    readings: dict[str, Any],
    status: Status,
    mend: str,
) -> None:
    found = seen(tmp_path, name, settings, **readings)
    assert found.status is status
    assert any(mend in each.text for each in found.mends)
    assert seen(tmp_path, name, settings).status is Status.OK


def test_a_machine_that_tells_nothing_is_no_problem(tmp_path: Path) -> None:
    none = {"memory": None, "cpu_flags": None, "clock_is_synchronised": None}
    for name in ("memory", "cpu", "clock"):
        assert seen(tmp_path, name, LOCAL, **none).status is Status.SKIPPED


def test_what_is_elsewhere_takes_nothing_here(tmp_path: Path) -> None:
    here = site(tmp_path, **LOCAL).settings
    there = site(tmp_path, scorer="http://h:1", llm="ollama://h").settings
    assert memory_needed(here) - memory_needed(there) == 1200 * MIB
    both = site(tmp_path, llm_concurrency=500).settings
    one = site(tmp_path, llm_concurrency=100, pipelines="questions").settings
    assert pool_connections(both) == 18
    assert pool_connections(one) == 10
    assert files_needed(both) - files_needed(one) == 408


def test_no_room_for_temporary_files_is_found(tmp_path: Path) -> None:
    missing = tmp_path / "gone"
    found = seen(tmp_path, "tmp", temporary_folder=missing)
    assert found.status is Status.PROBLEM
    assert "TMPDIR" in found.mends[0].text
    assert seen(tmp_path, "tmp", room=Room(MIB, 9 * MIB)).status is Status.WARNING
    missing.mkdir()
    assert seen(tmp_path, "tmp", temporary_folder=missing).status is Status.OK


def test_a_data_folder_that_is_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert look(site(tmp_path), "data-dir").status is Status.PROBLEM
    (tmp_path / "data").unlink()
    assert "not made yet" in look(site(tmp_path), "data-dir").seen


def test_a_data_folder_of_somebody_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.doctor.host.os.access", lambda *_: False)
    folder = tmp_path / "los datos"
    found = look(site(folder), "data-dir")
    assert found.status is Status.PROBLEM
    made = f"sudo install -d -m 0700 -o {os.geteuid()} '{folder}/data'"
    assert mends(found, "command") == [made], "no folder of the system changes its owner"
    (folder / "data").mkdir(parents=True)
    owned = mends(look(site(folder), "data-dir"), "command")
    assert owned == [f"sudo chown {os.geteuid()} '{folder}/data'"]


def test_files_that_were_read_are_no_memory_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's figure counts them; they go when somebody needs the room."""
    monkeypatch.setattr("app.doctor.machine._CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(f"{64 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{60 * MIB}\n")
    assert Machine().memory() == (4 * MIB, 64 * MIB)
    (tmp_path / "memory.stat").write_text(f"anon {10 * MIB}\ninactive_file {45 * MIB}\n")
    assert Machine().memory() == (49 * MIB, 64 * MIB)
    (tmp_path / "memory.stat").write_text(f"inactive_file {90 * MIB}\n")
    assert Machine().memory() == (64 * MIB, 64 * MIB)


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    machine = Machine()
    assert 0 < machine.room(tmp_path).free_bytes <= machine.room(tmp_path).total_bytes
    soft, _ = machine.open_files()
    assert soft == -1 or soft > 0
    available, total = machine.memory() or (1, 1)
    assert 0 < available <= total
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)
    assert machine.clock_is_synchronised() in (True, False, None)
    (tmp_path / "o'data").mkdir()
    found = seen(tmp_path / "o'data", "disk", room=Room(900 * MIB, 9000 * MIB))
    type_in(mends(found, "command")[0], tmp_path)  # it shows what takes the space

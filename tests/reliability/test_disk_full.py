"""A full disk under the embedded log: refused or waited for, nothing acknowledged is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def saw(what: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.disk_full", what, str(folder)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_b4_a_full_disk_refuses_appends_and_keeps_what_it_took(folder: Path) -> None:
    folder.mkdir()
    found = saw("log", folder)
    assert found["same"]
    assert found["all_refused_while_full"]
    assert found["all_taken_after"]
    assert set(found["errors"]) == {"the log could not be written: disk I/O error"}


def test_b4_an_engine_outlives_a_full_disk(folder: Path) -> None:
    folder.mkdir()
    found = saw("engine", folder)
    assert found["refusals"] == 5
    assert found["taken_after"]
    assert found["states"] == {"validated": found["accepted"]}
    assert found["accepted"] > 3
    assert found["most_calls_of_one"] == 1
    assert found["stage_errors"] == 0

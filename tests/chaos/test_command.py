"""`answerloop chaos` as a command: what it lists, refuses, skips, and leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from app.chaos.scenarios import SCENARIOS
from app.cli.chaos import default_kafka_libraries

COMMAND = [sys.executable, "-m", "app.cli.main", "chaos"]


def chaos(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_every_scenario_is_listed_with_what_it_breaks_and_tries() -> None:
    done = chaos("list", "--json")
    rows = json.loads(done.stdout)
    assert [row["scenario"] for row in rows] == list(SCENARIOS)
    assert all(row["about"] and row["promise"] for row in rows)


def test_an_unknown_scenario_is_exit_code_3_with_the_known_ones() -> None:
    done = chaos("run", "--scenario", "earthquake")
    assert done.returncode == 3
    assert "earthquake" in done.stderr
    assert "kill-workers" in done.stderr


def test_results_without_a_place_are_refused_before_anything_is_broken(tmp_path: Path) -> None:
    report = tmp_path / "nowhere" / "report.html"
    started = time.monotonic()
    done = chaos("run", "--scenario", "soak", "--report", str(report))
    assert done.returncode == 2
    assert f"can't write {report}" in done.stderr
    assert time.monotonic() - started < 30


@pytest.fixture
def path_without_maven(tmp_path: Path) -> str:
    """A PATH with Java and nothing else of ours."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("no Java here")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "java").symlink_to(java)
    return str(folder)


def test_without_kafka_a_scenario_is_skipped_and_says_how_to_get_it(
    tmp_path: Path, path_without_maven: str
) -> None:
    results, report = tmp_path / "results.json", tmp_path / "report.html"
    written = ["--results", str(results), "--report", str(report)]
    empty = ["--kafka-libs", str(tmp_path / "nothing")]
    done = chaos("run", "--scenario", "kill-workers", *written, *empty, PATH=path_without_maven)
    assert done.returncode == 0, done.stderr
    [run] = orjson.loads(results.read_bytes())["runs"]
    assert run["verdict"] == "skipped"
    assert "KAFKA_HOME" in run["reason"]
    assert "mvn" in run["reason"]
    assert "kill-workers" in report.read_text()


def test_a_scenario_about_kafka_is_skipped_on_the_embedded_log(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    done = chaos(
        "run", "--scenario", "broker-down", "--broker", "log", "--results", str(results), "--json"
    )
    assert done.returncode == 0, done.stderr
    assert orjson.loads(results.read_bytes())["runs"][0]["verdict"] == "skipped"
    assert json.loads(done.stdout) == json.loads(results.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_folder(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [*COMMAND, "run", "--scenario", "rolling-restarts", "--broker", "log"]
    process = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("answerloop-chaos-*/rolling-restarts-*/worker-1.log")):
            assert time.monotonic() < deadline, "no worker was started"
            time.sleep(0.1)
        assert _users_of(tmp_path)
        process.send_signal(number)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait(10)
    assert _users_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def _users_of(folder: Path) -> list[str]:
    """Processes that name a folder in their command or environment, but for this one."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(words[:200].decode(errors="replace"))
    return found


def test_jars_come_from_kafka_home_else_from_the_cache_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    assert default_kafka_libraries() == tmp_path / "libs"
    monkeypatch.delenv("KAFKA_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_kafka_libraries() == tmp_path / "cache" / "answerloop" / "kafka-libs"

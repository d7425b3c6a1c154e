"""A bench as a process: its JSON, its failures, and that nothing of it stays when it is ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.running import BenchError, end, run_json


def test_the_object_is_read_whatever_was_printed_before_it() -> None:
    assert run_json(["-c", "print('loading'); print('{\"a\": [1, 2]}')"], 60) == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit('el servidor no está')", "exit code 1: el servidor no está"),
        ("print('nothing')", "no JSON object"),
        ("print('{\"a\": ')", "no JSON object"),
    ],
)
def test_a_bench_without_figures_says_why(script: str, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        run_json(["-c", script], 60)


def test_a_bench_that_takes_too_long_is_ended() -> None:
    with pytest.raises(BenchError, match="not done within 0 s"):
        run_json(["-c", "import time; time.sleep(600)"], 0.3)


def test_the_processes_of_a_bench_end_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(pids)], start_new_session=True)
    try:
        limit = time.monotonic() + 60
        while not pids.exists():
            assert time.monotonic() < limit
            time.sleep(0.02)
    finally:
        end(process)
    assert all(ended(int(pid)) for pid in pids.read_text().split())


def ended(pid: int) -> bool:
    """Tell whether a process is gone, or dead and not yet fetched by whoever has to."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False

"""The launcher: what the program is to itself, and what ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.launcher import NOT_FOUND, NOT_RUN, through_launcher


def run(command: list[str], **wanted: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        through_launcher(command, **wanted),  # type: ignore[arg-type]
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_program_gets_its_arguments_and_gives_its_exit_code() -> None:
    done = run(["/bin/sh", "-c", 'printf %s "$1"; exit 7', "sh", "¿Qué? ' \" \\"])
    assert (done.returncode, done.stdout, done.stderr) == (7, "¿Qué? ' \" \\", "")


def test_the_process_id_is_the_programs() -> None:
    with subprocess.Popen(
        through_launcher(["/bin/sh", "-c", "echo $$"]), stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.communicate(timeout=30)[0].strip() == str(child.pid)


def test_one_that_is_not_there_and_one_that_cant_be_run_are_told_apart(tmp_path: Path) -> None:
    missing, closed = tmp_path / "missing", tmp_path / "closed"
    closed.write_text("#!/bin/sh\n")
    closed.chmod(0o600)
    for path, code in ((missing, NOT_FOUND), (closed, NOT_RUN)):
        done = run([str(path)])
        assert done.returncode == code
        assert str(path) in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of ignored signals so")
def test_no_signal_is_ignored_that_a_program_expects() -> None:
    done = run(["/bin/grep", "SigIgn", "/proc/self/status"])
    ignored = int(done.stdout.split()[1], 16)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM):
        assert not ignored & 1 << (number - 1), number


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals so")
def test_it_is_signalled_when_the_thread_that_started_it_ends() -> None:
    children: list[subprocess.Popen[str]] = []

    def start() -> None:
        wanted = through_launcher(
            ["/bin/sh", "-c", "echo up; exec sleep 60"], death_signal=int(signal.SIGTERM)
        )
        children.append(subprocess.Popen(wanted, stdout=subprocess.PIPE, text=True))
        assert children[0].stdout is not None
        assert children[0].stdout.readline() == "up\n"

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with children[0] as child:
        assert child.wait(30) == -signal.SIGTERM


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a program as another user")
def test_an_account_leaves_nothing_of_roots() -> None:
    done = run(["/usr/bin/id", "-a"], account=(65534, 65534))
    assert "uid=65534" in done.stdout
    assert "gid=65534" in done.stdout
    assert "root" not in done.stdout

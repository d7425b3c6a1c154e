"""The embedded PostgreSQL: one process, no TCP, no leftovers, nothing lost."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.adapters.embedded_postgres.files import Installation
from app.adapters.embedded_postgres.server import EmbeddedPostgres, EmbeddedPostgresBusy
from app.errors import StoreUnavailable
from tests.adapters.embedded_postgres.probes import answers, ask, eventually, server_pid, servers_of

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


def test_before_the_start_there_is_nothing(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert server.pid is None
    with pytest.raises(RuntimeError):
        _ = server.dsn
    server.stop()


def test_data_and_address_stay_over_a_restart(folder: Path) -> None:
    first = EmbeddedPostgres(folder)
    dsn = first.start()
    assert first.start() == dsn
    ask(dsn, "CREATE TABLE kept AS SELECT 'ñ 🦙' AS word")
    first.stop()
    first.stop()
    assert not answers(dsn)
    second = EmbeddedPostgres(folder)
    assert second.start() == dsn
    assert ask(dsn, "SELECT word FROM kept") == "ñ 🦙"
    ask(dsn, "DROP TABLE kept")
    second.stop()


def test_it_is_durable_closed_and_unprivileged(server: EmbeddedPostgres, folder: Path) -> None:
    assert ask(server.dsn, "SHOW fsync") == "on"
    assert ask(server.dsn, "SHOW synchronous_commit") == "on"
    assert ask(server.dsn, "SHOW listen_addresses") == ""
    assert ask(server.dsn, "SHOW server_encoding") == "UTF8"
    assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert os.getsid(server.pid) != os.getsid(0), "Ctrl-C must not reach it before us"


def test_environment_variables_of_the_user_do_not_reach_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("SECRET", "canary")
    server = EmbeddedPostgres(folder)
    server.start()
    assert b"canary" not in Path(f"/proc/{server.pid}/environ").read_bytes()
    server.stop()


def test_a_second_process_is_refused_by_the_number_of_the_first(
    folder: Path, other: subprocess.Popen[str]
) -> None:
    server_pid(other)
    with pytest.raises(EmbeddedPostgresBusy, match=str(other.pid)) as caught:
        EmbeddedPostgres(folder).start()
    assert caught.value.pid == other.pid


def test_a_second_start_in_this_process_is_refused(server: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresBusy) as caught:
        EmbeddedPostgres(folder).start()
    assert caught.value.pid == os.getpid()
    assert answers(server.dsn)


def test_it_ends_with_a_parent_that_is_killed(folder: Path, other: subprocess.Popen[str]) -> None:
    server_pid(other)
    other.send_signal(signal.SIGKILL)
    other.wait()
    eventually(lambda: servers_of(folder) == [])


def test_it_starts_at_once_after_its_parent_was_killed(
    folder: Path, other: subprocess.Popen[str]
) -> None:
    server_pid(other)
    other.send_signal(signal.SIGKILL)
    other.wait()
    server = EmbeddedPostgres(folder)
    assert answers(server.start())
    server.stop()


def test_a_server_that_its_dead_parent_left_behind_is_ended(
    folder: Path, other: subprocess.Popen[str]
) -> None:
    pid = server_pid(other)
    os.kill(pid, signal.SIGSTOP)  # it can't see that its parent dies
    other.send_signal(signal.SIGKILL)
    other.wait()
    threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
    server = EmbeddedPostgres(folder)
    assert answers(server.start())
    assert server.pid != pid
    server.stop()


def test_a_parent_that_ends_well_stops_it(folder: Path, other: subprocess.Popen[str]) -> None:
    server_pid(other)
    assert other.stdin is not None
    other.stdin.close()
    assert other.wait(30) == 0
    assert servers_of(folder) == []


def test_it_comes_back_when_it_is_killed_and_keeps_what_was_committed(
    server: EmbeddedPostgres,
) -> None:
    ask(server.dsn, "CREATE TABLE survives AS SELECT 1 AS one")
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.pid not in {None, pid} and answers(server.dsn))
    assert ask(server.dsn, "SELECT one FROM survives") == 1
    ask(server.dsn, "DROP TABLE survives")


def test_it_outlives_the_thread_that_started_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    pid = server.pid
    time.sleep(0.3)  # what Linux does to children of a thread that ended, it does at once
    assert (server.pid, answers(server.dsn)) == (pid, True)
    server.stop()


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 - 7], ids=["of another program", "of nobody"])
def test_a_stale_process_id_is_no_obstacle(folder: Path, pid: int) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    server.stop()
    stale = "\n".join([str(pid), *lines[1:]]) + "\n"
    (folder / "postgres" / "postmaster.pid").write_text(stale)
    assert answers(server.start())
    server.stop()


@pytest.mark.parametrize("content", ["", "{pid}\n{data}\n"], ids=["empty", "of a program"])
def test_files_that_a_hard_end_left_are_no_obstacle(folder: Path, content: str) -> None:
    """The number may be that of a program of the server's own user by now."""
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    with subprocess.Popen(["sleep", "60"], user="nobody" if os.geteuid() == 0 else None) as other:
        text = content.format(pid=other.pid, data=folder / "postgres")
        (folder / "postgres" / "postmaster.pid").write_text(text)
        lock = Path(parse_qs(urlsplit(server.dsn).query)["host"][0]) / ".s.PGSQL.5432.lock"
        lock.write_text(text or f"{other.pid}\n")
        try:
            assert answers(server.start())
        finally:
            server.stop()
            other.kill()


def test_who_only_reads_makes_nothing_where_another_process_makes_it(folder: Path) -> None:
    folder = folder / "first"
    folder.mkdir(mode=0o711)
    (folder / "postgres.new-of-another").mkdir()
    with pytest.raises(StoreUnavailable, match="is being made by another process"):
        Installation.of_running(folder)
    assert (folder / "postgres.new-of-another").exists()
    assert not (folder / "postgres").exists()


def test_a_first_start_that_was_broken_off_is_no_obstacle(folder: Path) -> None:
    """Not even while what it began still writes there: the next one has a folder of its own."""
    folder = folder / "broken-off"
    folder.mkdir(mode=0o711)
    left = folder / "postgres.new"
    left.mkdir()
    busy = threading.Event()

    def write() -> None:
        while not busy.is_set():
            left.mkdir(exist_ok=True)
            (left / f"{time.monotonic_ns()}").touch()

    writing = threading.Thread(target=write)
    writing.start()
    server = EmbeddedPostgres(folder)
    try:
        assert answers(server.start())
    finally:
        busy.set()
        writing.join()
        server.stop()

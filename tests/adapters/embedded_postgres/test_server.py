"""The embedded PostgreSQL: one process, no TCP, no leftovers, nothing lost."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.adapters.embedded_postgres import process as embedded_postgres_process
from app.adapters.embedded_postgres.files import OURSELVES, Installation
from app.adapters.embedded_postgres.server import EmbeddedPostgres, EmbeddedPostgresBusy
from app.errors import SettingsError, StoreUnavailable
from app.launcher import through_launcher

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")

_AS_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from app.adapters.embedded_postgres.server import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def made_folder() -> Iterator[Path]:
    """A folder with data in it, where an unprivileged user can reach it when we are root."""
    with tempfile.TemporaryDirectory(prefix="answerloop-embedded-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "database"


@pytest.fixture
def folder(made_folder: Path) -> Iterator[Path]:
    yield made_folder
    assert servers_of(made_folder) == [], "a test left its server behind"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the database; its first line is the server's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_ANOTHER_PROCESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
    eventually(lambda: servers_of(folder) == [])


def server_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def servers_of(folder: Path) -> list[int]:
    """Return the postmasters on a folder's data."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(folder / "postgres") in words:
            found.append(int(command.parent.name))
    return found


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def ask(dsn: str, sql: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def answers(dsn: str) -> bool:
    try:
        return bool(ask(dsn, "SELECT true"))
    except (OSError, asyncpg.PostgresError):
        return False


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


@pytest.mark.parametrize("temporary_too", [False, True])
def test_a_long_path_has_its_socket_elsewhere(
    made_folder: Path, monkeypatch: pytest.MonkeyPatch, temporary_too: bool
) -> None:
    deep = made_folder.parent / ("x" * 120) / "database"
    deep.mkdir(parents=True)
    if temporary_too:
        monkeypatch.setattr("tempfile.tempdir", str(deep.parent))
    server = EmbeddedPostgres(deep)
    assert answers(server.start())
    assert server.start() == server.dsn
    socket_folder = Path(server.dsn.partition("host=")[2])
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    server.stop()
    shutil.rmtree(socket_folder)
    shutil.rmtree(deep.parent)


def test_whatever_keeps_a_server_from_starting_is_told_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Installation) -> None:
        raise subprocess.SubprocessError("no process to be had")

    server = EmbeddedPostgres(folder)
    with monkeypatch.context() as patch:
        patch.setattr("app.adapters.embedded_postgres.server.spawn", refuse)
        with pytest.raises(StoreUnavailable, match="no process to be had"):
            server.start()
    assert answers(server.start())
    with monkeypatch.context() as patch:  # and one that dies is brought back later
        patch.setattr("app.adapters.embedded_postgres.server.spawn", refuse)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: server.pid is None)
        time.sleep(0.3)
    eventually(lambda: answers(server.dsn))
    server.stop()


def test_a_broken_server_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.embedded_postgres.server.STALE_SECONDS", 0.0)
    control = folder / "postgres" / "global" / "pg_control"
    control.rename(control.with_name("hidden"))
    try:
        with pytest.raises(StoreUnavailable, match="pg_control"):
            EmbeddedPostgres(folder).start()
    finally:
        control.with_name("hidden").rename(control)
    server = EmbeddedPostgres(folder)  # the lock was given back
    assert answers(server.start())
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_a_closed_folder_of_roots_is_served_in_a_user_namespace(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = tmp_path / "database"
    folder.mkdir()
    installation = Installation.prepare(folder)
    if installation.account != OURSELVES:
        pytest.skip("this system makes no user namespaces")
    server = EmbeddedPostgres(tmp_path / "database")
    assert answers(server.start())
    server.stop()
    assert (tmp_path / "database" / "postgres").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_a_folder_that_nobody_can_reach_is_named_where_there_are_no_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_namespaces(*arguments: Any, namespaced: bool = False, **others: Any) -> list[str]:
        return ["/bin/false"] if namespaced else through_launcher(*arguments, **others)

    monkeypatch.setattr(embedded_postgres_process, "through_launcher", without_namespaces)
    tmp_path.chmod(0o700)
    with pytest.raises(SettingsError, match="nobody can't reach") as caught:
        EmbeddedPostgres(tmp_path / "database").start()
    assert caught.value.name == "ANSWERLOOP_DATABASE"
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
def test_the_owner_of_the_folder_runs_it(made_folder: Path) -> None:
    account = pwd.getpwnam("daemon")
    folder = made_folder.parent / "owned"
    folder.mkdir()
    os.chown(folder, account.pw_uid, account.pw_gid)
    installation = Installation.prepare(folder)
    assert installation.account is not None
    assert installation.account.name == "daemon"
    shutil.rmtree(folder)

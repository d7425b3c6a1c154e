"""Where the embedded PostgreSQL can't start as usual: long paths, closed folders, other owners."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from app.adapters.embedded_postgres import process as embedded_postgres_process
from app.adapters.embedded_postgres.files import OURSELVES, Installation
from app.adapters.embedded_postgres.server import EmbeddedPostgres
from app.errors import SettingsError, StoreUnavailable
from app.launcher import through_launcher
from tests.adapters.embedded_postgres.probes import answers, eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")


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

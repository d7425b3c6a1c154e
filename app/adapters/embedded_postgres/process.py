"""The server process of the embedded PostgreSQL: how it is run, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from app.launcher import through_launcher

if TYPE_CHECKING:
    from app.adapters.embedded_postgres.files import Account, Installation

#: Modest: a laptop, or one small worker. Durable: fsync stays on.
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "huge_pages": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def spawn(installation: Installation, **options: str) -> subprocess.Popen[bytes]:
    """Start a server as a child that gets SIGINT (fast shutdown) when the calling thread ends.

    `options` replace our own settings of the server.
    It has a session of its own: Ctrl-C in a terminal reaches us, and we stop it when we are done.
    """
    settings = {**_OPTIONS, **options, "unix_socket_directories": str(installation.socket_folder)}
    command = [str(installation.binaries / "postgres"), "-D", str(installation.data)]
    command += [f"--{name}={value}" for name, value in settings.items()]
    with installation.open_log() as log_file:
        return subprocess.Popen(  # noqa: S603 - our own binaries
            _launched(command, installation.account, signal.SIGINT),
            cwd=installation.data,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )


def run_once(
    command: Sequence[str], account: Account | None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL's to its end, with `text` as its input; it ends with us.

    One that can't be run as that account ends with `app.launcher.NOT_RUN`.
    """
    return subprocess.run(  # noqa: S603 - our own binaries
        _launched(command, account, signal.SIGINT),
        cwd="/",
        env=clean_environment(),
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _launched(
    command: Sequence[str], account: Account | None, death_signal: int | None = None
) -> list[str]:
    if account is None:
        return through_launcher(command, death_signal=death_signal)
    if account.namespaced:
        return through_launcher(command, death_signal=death_signal, namespaced=True)
    return through_launcher(command, death_signal=death_signal, account=(account.uid, account.gid))


def clean_environment() -> dict[str, str]:
    """Return the environment of the server: none of the user's PG... variables, no secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def end_process(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a server: fast shutdown, then an immediate one, then SIGKILL."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return

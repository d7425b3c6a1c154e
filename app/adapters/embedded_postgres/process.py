"""The server process of the embedded PostgreSQL: how it is run, and how it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.adapters.embedded_postgres.files import Account, Installation

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534

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
            command,
            cwd=installation.data,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
            **as_account(installation.account, _die_with_parent()),
        )


def run_once(
    command: Sequence[str], account: Account | None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL's to its end, with `text` as its input."""
    return subprocess.run(  # noqa: S603 - our own binaries
        command,
        cwd="/",
        env=clean_environment(),
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **as_account(account),
    )


def as_account(account: Account | None, then: Callable[[], None] | None = None) -> dict[str, Any]:
    """Return the arguments of subprocess that make a child run as an account, and do `then`."""
    if account is None:
        return {"preexec_fn": then}
    if account.namespaced:
        return {"preexec_fn": _in_namespace(then)}
    return {
        "user": account.uid,
        "group": account.gid,
        "extra_groups": [],
        "preexec_fn": then,
    }


def _in_namespace(then: Callable[[], None] | None) -> Callable[[], None]:
    """Return what a child does to be somebody else to itself, and still us to the file system."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare

    def enter() -> None:
        if unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "user namespaces are not to be had")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{_NOBODY} 0 1"),
            ("gid_map", f"{_NOBODY} 0 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - few calls after a fork
                file.write(text)
        if then is not None:
            then()

    return enter


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


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child does before it becomes the server (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:  # it died before the signal was set
            os._exit(1)

    return set_signal

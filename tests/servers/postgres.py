"""A real PostgreSQL server for tests: an installed one, on a free port, without fsync."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.servers import ServerMissing

_USER = "app"


@dataclass(frozen=True)
class PostgresServer:
    """A running server. `stop`, `restart` and `kill` keep the data and the address."""

    dsn: str
    data: Path
    port: int
    binaries: Path

    def dsn_of(self, database: str) -> str:
        """Return the DSN of another database of this server."""
        return f"{self.dsn.rpartition('/')[0]}/{database}"

    def start(self) -> None:
        options = (
            f"-p {self.port} -k {self.data} -c listen_addresses=127.0.0.1 -c fsync=off"
            " -c max_connections=200 -c deadlock_timeout=100ms"
        )
        log = self.data / "server.log"
        self._control("start", "-o", options, "-l", str(log), "-t", "60")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Break all connections and stop, if it runs; `immediate` leaves work to the next start."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._control("stop", "-m", mode, "-t", "60")

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """SIGKILL the server: what was committed must survive it."""
        os.kill(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP the server and its backends: it accepts connections, and says nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _signal_all(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in [self.pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _control(self, action: str, *options: str) -> None:
        command = [str(self.binaries / "pg_ctl"), action, "-D", str(self.data), "-w", *options]
        _run(command, self.data)


def start_postgres(folder: Path) -> PostgresServer:
    """Make a data folder in `folder` and start a server on it. Raises ServerMissing.

    As root the server runs as the user `postgres`, and `folder` is opened for that user.
    """
    binaries = _binaries()
    data = folder / "postgres"
    data.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(data, account.pw_uid, account.pw_gid)
        _open_parents(data)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", _USER, "-A", "trust"]
    _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], data)
    port = _free_port()
    dsn = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
    server = PostgresServer(dsn, data, port, binaries)
    server.start()
    return server


def _binaries() -> Path:
    """Return the folder of pg_ctl: the newest that Debian installed, or what PATH has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=_version)
    on_path = shutil.which("pg_ctl")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise ServerMissing("no PostgreSQL server here (Debian: apt-get install postgresql)")


def _version(pg_ctl: Path) -> int:
    name = pg_ctl.parent.parent.name
    return int(name) if name.isdigit() else 0


def _run(command: Sequence[str], folder: Path) -> None:
    as_root = os.geteuid() == 0
    full = ["runuser", "-u", "postgres", "--", *command] if as_root else list(command)
    subprocess.run(
        full,
        cwd=folder,
        check=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _open_parents(folder: Path) -> None:
    """Let the server's user pass through the parents that this process owns."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if mode & 0o001 == 0 and parent.owner() == "root":
            parent.chmod(mode | 0o011)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

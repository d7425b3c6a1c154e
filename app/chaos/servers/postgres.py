"""PostgreSQL from the embedded binaries, on a Unix socket, which may be stopped and started.

Unlike the embedded database of a worker nobody starts it again when it dies: that is the fault.
It runs without fsync: its process is killed here, never the machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from app.adapters.embedded_postgres.files import USER, Installation, last_lines
from app.adapters.embedded_postgres.process import end_process, spawn
from app.chaos.servers import ServerMissing
from app.errors import SettingsError

START_SECONDS = 60
_OPTIONS = {"fsync": "off", "max_connections": "200", "deadlock_timeout": "100ms"}


class PostgresServer:
    """A server. `stop`, `kill` and `begin` keep the data and the address."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._process: subprocess.Popen[bytes] | None = None

    def dsn_of(self, database: str) -> str:
        """Return the DSN of a database of this server."""
        return f"postgresql://{USER}@/{database}?{self._installation.dsn.partition('?')[2]}"

    @property
    def dsn(self) -> str:
        """The DSN of the database that is always there."""
        return self.dsn_of("postgres")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Start the process, without waiting until it takes connections."""
        self._installation.end_left_behind()
        self._process = spawn(self._installation, **_OPTIONS)

    def accepts(self) -> bool:
        """Tell whether it takes connections. Raises RuntimeError when it has ended."""
        if self._process is None or not self.running:
            words = last_lines(self._installation.log_file)
            raise RuntimeError(f"PostgreSQL did not start: {words}")
        return self._installation.ready(self._process.pid)

    def start(self) -> None:
        """Start the process and wait until it takes connections."""
        self.begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.accepts():
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("PostgreSQL did not start in time")
            time.sleep(0.05)

    def stop(self) -> None:
        """Break all connections and stop."""
        if self._process is not None and self.running:
            self.resume()
            end_process(self._process, 20)

    def close(self) -> None:
        """Stop for good: its socket may be in a folder of its own, outside the data's."""
        self.stop()
        shutil.rmtree(self._installation.socket_folder, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL the server: what was committed must survive it."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait(10)

    def pause(self) -> None:
        """SIGSTOP the server and its backends: it accepts connections, and says nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is None or not self.running:
            return
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in [pid, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(each, number)


def start_postgres(folder: Path) -> PostgresServer:
    """Make a data folder in `folder` and start a server on it. Raises ServerMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        installation = Installation.prepare(folder)
    except SettingsError as error:
        raise ServerMissing(str(error)) from error
    server = PostgresServer(installation)
    server.start()
    return server

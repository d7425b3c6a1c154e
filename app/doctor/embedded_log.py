"""Checks of the embedded log: whole, not too large for its disk, and owned by whom."""

from __future__ import annotations

import fcntl
import os
import shlex
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from app.broker import log_folder
from app.data_dir.engine_file import engine_file, running_engine
from app.doctor.check import Site
from app.doctor.host import MIB
from app.doctor.outcome import Outcome, advice, command, ok, problem, skipped, warning
from app.transports import LogError
from app.transports.embedded.layout import FILE_NAME, FORMAT, LOCK_NAME, connect

_CHECK_SECONDS = 20.0
_NO_LOG = "there is no embedded log"


async def integrity(site: Site) -> Outcome:
    """Have SQLite look through the file (quick_check), for some seconds at most."""
    path = _file(site)
    if path is None:
        return skipped(_NO_LOG)
    until = time.monotonic() + _CHECK_SECONDS
    size = path.stat().st_size / MIB
    try:
        with closing(connect(path.parent, readonly=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            (form,) = database.execute("PRAGMA user_version").fetchone()
            if form != FORMAT:
                return _other_format(form)
            found = [row[0] for row in database.execute("PRAGMA quick_check(5)")]
    except (sqlite3.DatabaseError, LogError) as error:
        if time.monotonic() > until:
            words = f"{size:,.0f} MiB: not looked through within {_CHECK_SECONDS:.0f} s"
            return warning(words, command(f"sqlite3 {shlex.quote(str(path))} 'PRAGMA quick_check'"))
        return _damaged(path, str(error))
    if found == ["ok"]:
        return ok(f"whole ({size:,.1f} MiB)")
    return _damaged(path, "; ".join(map(str, found))[:300])


def _other_format(form: int) -> Outcome:
    if not form:  # its first opening was cut short: the next one makes it
        return skipped(_NO_LOG)
    return problem(
        f"the log has format {form}, this program reads format {FORMAT}",
        advice("use the version of answerloop that wrote it until its work has ended"),
    )


def _damaged(path: Path, how: str) -> Outcome:
    folder = shlex.quote(str(path.parent))
    return problem(
        f"{path} is damaged: {how}",
        advice(
            f"stop the engine, and copy {folder}; what can be read of it: sqlite3 {FILE_NAME}"
            " .recover | sqlite3 recovered.sqlite, put in its place"
        ),
        advice(
            "else a new log, and the same file or questions again: the database knows what ended"
        ),
        command(f"mv {folder} {folder}.damaged"),
    )


async def space(site: Site) -> Outcome:
    path = _file(site)
    if path is None:
        return skipped(_NO_LOG)
    parts = [path, path.with_name(f"{FILE_NAME}-wal")]
    size = sum(part.stat().st_size for part in parts if part.exists())
    free = site.machine.room(path.parent).free_bytes
    seen = f"{size / MIB:,.1f} MiB, {free / MIB:,.0f} MiB free beside it"
    if free < max(64 * MIB, size // 10):
        return problem(
            f"{seen}: when nothing is left, no message is taken any more",
            advice("free space on this disk, or move ANSWERLOOP_DATA_DIR while no engine runs"),
        )
    return ok(seen)


async def owner(site: Site) -> Outcome:
    """Look who holds the log, and whether an engine answers there."""
    path = _file(site)
    if path is None:
        return skipped(_NO_LOG)
    pid = _holder(path.with_name(LOCK_NAME))
    url = running_engine(site.settings)
    if pid is None:
        left = engine_file(site.settings)
        words = f"; {left} is left of one that was killed, the next start replaces it"
        return ok(f"nobody runs an engine on it{words if left.exists() else ''}")
    if url is not None:
        return ok(f"process {pid or '?'} holds it, its engine is at {url}")
    seen = f"process {pid or '?'} holds the log, and no engine of its own answers"
    if not pid or not _alive(pid):
        return warning(seen, advice("find it by `fuser -v` on the log's folder, and end it"))
    return warning(
        seen,
        advice("wait if it is starting or stopping; else end it, which loses nothing:"),
        command(f"kill {pid}"),
    )


def _file(site: Site) -> Path | None:
    path = log_folder(site.settings) / FILE_NAME
    return path if site.settings.broker.startswith("log:") and path.exists() else None


def _holder(lock: Path) -> int | None:
    """Return the process that holds a lock file (0: not told), or None when nobody does."""
    try:
        with lock.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
            return None
    except FileNotFoundError:
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Checks of this machine: disk, memory, processor, limits, clock."""

from __future__ import annotations

import importlib.util
import inspect
import os
import shlex
import tempfile
from pathlib import Path

from app.doctor.check import Site
from app.doctor.outcome import (
    Outcome,
    advice,
    command,
    ok,
    problem,
    setting,
    skipped,
    warning,
)
from app.settings import PREFIX, QUESTIONS, Settings

MIB = 1024 * 1024
#: Less than this is little, or soon none: a day's log and database, or a few minutes'.
LITTLE_DISK, NO_DISK = 1024 * MIB, 200 * MIB
#: What a worker itself takes, what torch with the bundled encoder adds (1,040 MiB of a process that
#: scores, docs/benchmarks.md), what the bundled model adds (180 MiB, measured: weights, context).
BASE_BYTES, SCORER_BYTES, BUNDLED_BYTES = 150 * MIB, 1000 * MIB, 200 * MIB
#: Files of Python, the log, the embedded database, Kafka connections.
BASE_FILES = 64
#: Without these the libraries of the scorer and the bundled model are several times slower.
FAST_FLAGS = ("avx2", "fma")


async def disk(site: Site) -> Outcome:
    folder = _nearest(site.settings.data_dir.absolute())
    room = site.machine.room(folder)
    seen = f"{_size(room.free_bytes)} of {_size(room.total_bytes)} free for {folder}"
    mend = (
        advice(f"free space there, or move the folder and set {PREFIX}DATA_DIR"),
        command(f"du -xh --max-depth=2 {shlex.quote(str(folder))} | sort -h | tail"),
    )
    if room.free_bytes < NO_DISK:
        return problem(seen, *mend)
    if room.free_bytes < LITTLE_DISK:
        return warning(seen, *mend)
    if room.total_files and room.free_files < room.total_files / 100:
        return warning(f"{seen}, but only {room.free_files:,} more files (inodes)", mend[0])
    return ok(seen)


async def data_folder(site: Site) -> Outcome:
    """Look whether DATA_DIR can be written, or made."""
    folder = site.settings.data_dir.absolute()
    found = _nearest(folder)
    if not found.is_dir():
        return problem(f"{found} is no folder", setting(f"{PREFIX}DATA_DIR=data"))
    if not os.access(found, os.W_OK | os.X_OK):
        user, owner = os.geteuid(), found.stat().st_uid
        # A folder above it belongs to the system: that one is left as it is.
        give = f"chown {user}" if found == folder else f"install -d -m 0700 -o {user}"
        return problem(
            f"{found} can't be written by this user ({user}; it is of {owner})",
            command(f"sudo {give} {shlex.quote(str(folder))}"),
        )
    return ok(str(folder) if found == folder else f"{folder}: not made yet, and can be")


async def open_files(site: Site) -> Outcome:
    soft, hard = site.machine.open_files()
    need = files_needed(site.settings)
    seen = f"{_count(soft)} files may be open, {need:,} may be needed"
    if soft < 0 or soft >= need:
        return ok(seen)
    lower = setting(f"{PREFIX}LLM_CONCURRENCY={max(1, site.settings.llm_concurrency // 2)}")
    if 0 <= hard < need:
        limit = advice(f"the hard limit is {hard}: LimitNOFILE={need} (systemd), --ulimit (Docker)")
        return problem(seen, limit, lower)
    return warning(seen, command(f"ulimit -n {need}"), lower)


def files_needed(settings: Settings) -> int:
    """Return how many files a worker may have open: calls, clients, pools, and what is always."""
    from app.web.connections import MAX_CONNECTIONS

    return settings.llm_concurrency + MAX_CONNECTIONS + pool_connections(settings) + BASE_FILES


def pool_connections(settings: Settings) -> int:
    """Return how many connections to PostgreSQL one worker opens at most."""
    from app.adapters.store.postgres.ratings import PostgresRatingStore
    from app.adapters.store.postgres.store import PostgresStore

    stores = [
        PostgresStore if name == QUESTIONS else PostgresRatingStore
        for name in settings.pipeline_names
    ]
    return sum(int(inspect.signature(each).parameters["pool_max"].default) for each in stores)


async def memory(site: Site) -> Outcome:
    found = site.machine.memory()
    if found is None:
        return skipped("the memory of this system can't be read")
    available, total = found
    need = memory_needed(site.settings)
    seen = f"{_size(available)} of {_size(total)} available, a worker takes about {_size(need)}"
    if available >= need:
        return ok(seen)
    mends = [advice("end other programs, or give the machine or container more memory")]
    if site.settings.scorer == "local:":
        mends.append(setting(f"{PREFIX}SCORER=http://HOST:8000"))
    if total < need:
        return problem(seen, *mends)
    return warning(seen, *mends)


def memory_needed(settings: Settings) -> int:
    """Return about how many bytes a worker takes: parts that are elsewhere take none here."""
    need = BASE_BYTES
    need += SCORER_BYTES if settings.scorer == "local:" else 0
    return need + (BUNDLED_BYTES if settings.llm in ("bundled:", "auto:") else 0)


async def cpu(site: Site) -> Outcome:
    flags = site.machine.cpu_flags()
    if flags is None:
        return skipped("no x86 processor: nothing to look at")
    missing = [flag for flag in FAST_FLAGS if flag not in flags]
    local = site.settings.scorer == "local:" or site.settings.llm in ("bundled:", "auto:")
    if missing and local:
        return warning(
            f"the processor has no {', '.join(missing)}: scorer and bundled model are slow on it",
            advice("give the virtual machine the host's processor type (-cpu host)"),
            setting(f"{PREFIX}SCORER=http://HOST:8000"),
        )
    return ok("has " + ", ".join(flag for flag in (*FAST_FLAGS, "avx512f") if flag in flags))


async def threads(site: Site) -> Outcome:
    cores, wanted = site.machine.cores(), site.settings.scorer_threads
    seen = f"{wanted} threads of the scorer on {cores} cores"
    if site.settings.scorer == "local:" and wanted > cores:
        return warning(
            f"{seen}: they wait for each other", setting(f"{PREFIX}SCORER_THREADS={cores}")
        )
    return ok(seen)


async def clock(site: Site) -> Outcome:
    found = site.machine.clock_is_synchronised()
    if found is None:
        return skipped("this system does not tell whether its clock is synchronised")
    if found:
        return ok("synchronised")
    return warning(
        "nothing synchronises this machine's clock: due times and deadlines drift from those of"
        " other workers",
        command("sudo timedatectl set-ntp true"),
        advice("in a virtual machine or container: on its host"),
    )


async def temporary_files(site: Site) -> Outcome:
    """Write a temporary file, and look at the room there."""
    try:
        folder = site.machine.temporary_folder()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        return problem(
            f"no temporary file can be written: {error.strerror or error}",
            advice("free space in /tmp, make it writable (chmod 1777 /tmp), or set TMPDIR"),
        )
    room = site.machine.room(folder)
    seen = f"{folder} can be written, {_size(room.free_bytes)} free"
    if room.free_bytes < 64 * MIB:
        return warning(seen, advice("free space there, or set TMPDIR"))
    return ok(seen)


async def locale(site: Site) -> Outcome:
    found = site.machine.encoding()
    if found.replace("_", "-") in ("utf-8", "utf8"):
        return ok("UTF-8")
    return warning(
        f"texts of terminal and files are {found}, not UTF-8: other languages show as ?",
        command("export LC_ALL=C.UTF-8"),
    )


async def speed(_: Site) -> Outcome:
    """Look whether the optional packages are here that make the same work quicker."""
    gains = {"uvloop": "speed: events", "onnxruntime": "onnx: scores"}
    missing = [name for name in gains if importlib.util.find_spec(name) is None]
    found = ", ".join(name for name in gains if name not in missing)
    without = f"without {', '.join(f'{n} ({gains[n]})' for n in missing)}" if missing else ""
    return ok("; ".join(part for part in (found, without) if part))


def _nearest(folder: Path) -> Path:
    """Return the folder, or the first one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _size(count: int) -> str:
    gib = count / (1024 * MIB)
    return f"{gib:,.1f} GiB" if gib >= 1 else f"{count / MIB:,.0f} MiB"


def _count(number: int) -> str:
    return "any number of" if number < 0 else f"{number:,}"

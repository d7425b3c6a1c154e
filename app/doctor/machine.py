"""Readings of this machine, each of which a test can put another in the place of."""

from __future__ import annotations

import ctypes
import locale
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

#: The kernel's own word for a clock that nobody disciplines (linux/timex.h).
_STA_UNSYNC = 0x0040
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Room:
    """What a file system has left: bytes, and files (0 of 0 where it does not count them)."""

    free_bytes: int
    total_bytes: int
    free_files: int = 0
    total_files: int = 0


class _Timex(ctypes.Structure):
    """The beginning of the kernel's `struct timex`, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 48),
    )


class Machine:
    """This machine. A reading that can't be had here is None."""

    def room(self, folder: Path) -> Room:
        """Return what is left to an ordinary user on the file system of a folder."""
        found = os.statvfs(folder)
        unit = found.f_frsize
        return Room(found.f_bavail * unit, found.f_blocks * unit, found.f_favail, found.f_files)

    def open_files(self) -> tuple[int, int]:
        """Return the soft and the hard limit of open files; -1: none."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)

    def memory(self) -> tuple[int, int] | None:
        """Return the bytes that a new process may have, and all: of the container, if smaller."""
        fields = _fields(Path("/proc/meminfo"))
        if "MemAvailable" not in fields:
            return None
        available, total = fields["MemAvailable"] * 1024, fields["MemTotal"] * 1024
        limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
        if limit is not None and used is not None and limit < total:
            # Files that were read count as used until somebody needs the room.
            used -= _fields(_CGROUP / "memory.stat", " ").get("inactive_file", 0)
            return min(available, limit - min(limit, max(0, used))), limit
        return available, total

    def cores(self) -> int:
        """Return the cores that this process may use, by affinity and container."""
        usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        words = _text(_CGROUP / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            return max(1, min(usable, -(-int(words[0]) // int(words[1]))))
        return usable

    def cpu_flags(self) -> frozenset[str] | None:
        """Return the features that an x86 processor names; None of others."""
        for line in _text(Path("/proc/cpuinfo")).splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
        return None

    def clock_is_synchronised(self) -> bool | None:
        """Return whether something disciplines the clock, by the kernel's word."""
        if sys.platform != "linux":
            return None
        asked = _Timex()  # all zero: a question, no change
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked)) < 0:
            return None
        return not asked.status & _STA_UNSYNC

    def now(self) -> float:
        """Return the time, in Unix seconds."""
        return time.time()

    def encoding(self) -> str:
        """Return the encoding of file names and texts that the locale chose: `utf-8`."""
        return locale.getencoding().lower()

    def temporary_folder(self) -> Path:
        """Return where temporary files go. Raises OSError where there is no such place."""
        import tempfile

        return Path(tempfile.gettempdir())


def _fields(path: Path, separator: str = ":") -> dict[str, int]:
    found = {}
    for line in _text(path).splitlines():
        name, _, rest = line.partition(separator)
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

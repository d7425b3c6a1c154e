"""What a table of figures has to say of the machine, the versions and the code."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    *("faust-streaming", "aiokafka", "aiohttp", "asyncpg", "msgspec", "numpy"),
    *("torch", "onnxruntime", "bert-score"),
)
#: Above this load for each core, figures are those of other programs as well.
BUSY_LOAD_PER_CORE = 0.25


def machine() -> dict[str, Any]:
    """Return processor, cores that this process may use, memory in GiB, load and versions."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "load": [round(each, 2) for each in os.getloadavg()],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def busy(facts: dict[str, Any]) -> bool:
    """Tell whether other programs were at work when the facts were taken."""
    return bool(facts["load"][0] > BUSY_LOAD_PER_CORE * facts["cores"])


def commit(folder: Path) -> dict[str, Any]:
    """Return the commit that `folder` is at, and whether files differ from it; None without git."""
    found = _git(folder, "rev-parse", "--short=10", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": found, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _field(file: Path, name: str) -> str | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)


def _memory_gib() -> float | None:
    found = _field(Path("/proc/meminfo"), "MemTotal")
    return round(int(found.split()[0]) / 1024**2, 1) if found else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

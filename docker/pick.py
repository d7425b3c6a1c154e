"""Picks packages out of a lock file, for the image's build.

`pick.py LOCK worker.txt setuptools` prints version and hashes of each package that is named, by
itself or in a `.txt` file. A name that the lock lacks is an error.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def picked(lock: str, names: list[str]) -> str:
    """Return the entries of `names`. Raises SystemExit naming those that the lock lacks."""
    entries = {}
    for entry in re.split(r"\n(?=\S)", lock):
        if not entry.startswith("#"):
            entries[entry.split("==")[0]] = entry.strip()
    if missing := [name for name in names if name not in entries]:
        raise SystemExit(f"not in the lock: {', '.join(missing)} (run python docker/packages.py)")
    return "\n".join(entries[name] for name in names) + "\n"


def named(argument: str) -> list[str]:
    """Return the names in a `.txt` file, one a line, or the one name itself."""
    if not argument.endswith(".txt"):
        return [argument]
    lines = Path(argument).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def main(arguments: list[str]) -> None:
    """Read the lock and the names, print what is picked."""
    lock, *names = arguments
    wanted = [name for argument in names for name in named(argument)]
    sys.stdout.write(picked(Path(lock).read_text(encoding="utf-8"), wanted))


if __name__ == "__main__":
    main(sys.argv[1:])

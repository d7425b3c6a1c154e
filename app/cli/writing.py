"""Files that a command writes: refused before the work, not after it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.errors import InputError


def refuse_unwritable(path: Path) -> None:
    """Raise InputError when a file can't be put there."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it", field="out")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}", field="out")


def refuse_overwriting(read: Iterable[Path | None], written: Iterable[Path | None]) -> None:
    """Raise InputError when a file is to be written that is read, or that is written, too.

    The same file by another name (a link, `./x` for `x`) counts. None: not given.
    """
    kept = [path for path in read if path is not None]
    taken: list[Path] = []
    for path in written:
        if path is None:
            continue
        if any(_same(path, each) for each in kept):
            raise InputError(f"{path} is read by this command: write to another file", field="out")
        if any(_same(path, each) for each in taken):
            raise InputError(f"{path} is written twice: name two files", field="out")
        taken.append(path)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there yet
        return path.absolute().resolve() == other.absolute().resolve()

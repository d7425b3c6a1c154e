"""Files that a command writes: refused before the work, not after it."""

from __future__ import annotations

from pathlib import Path

from app.errors import InputError


def refuse_unwritable(path: Path) -> None:
    """Raise InputError when a file can't be put there."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it", field="out")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}", field="out")

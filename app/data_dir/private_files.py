"""Folders and files of ours that other users of the machine may not read, or put in our place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from app.errors import SettingsError


def make_data_dir(folder: Path) -> None:
    """Make `DATA_DIR` where it is missing: for us alone. One that is there stays as it is.

    Root's is open for passing through, not for looking in: the embedded PostgreSQL, which refuses
    root, keeps its own closed folder there under another account.
    """
    made = folder.absolute()
    if made.is_dir():
        return
    make_private_folder(made, 0o711 if os.geteuid() == 0 else 0o700)


def make_private_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder with exactly this mode, unless it is there. Raises SettingsError."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        folder.chmod(mode)
    except OSError as error:
        raise SettingsError(
            f"the folder {folder.absolute()} can't be made ({error.strerror or error}): move away"
            " what is in its place, or choose one where this user may write",
            name="ANSWERLOOP_DATA_DIR",
        ) from error


def open_private(path: Path, mode: str = "a+") -> IO[str]:
    """Open a text file for reading and appending, made with mode 0600, never through a link.

    Raises SettingsError when it can't be opened, or somebody has put a symbolic link in its place.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise _a_link(path) from error
        raise SettingsError(
            f"{path} can't be opened ({error.strerror or error}): another user has it, or the"
            " disk is full or read-only. Mend that, or choose another folder",
            name="ANSWERLOOP_DATA_DIR",
        ) from error
    return os.fdopen(number, mode, encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Put a file with mode 0600 in place, whole; a link that is there is replaced, not followed."""
    write_private_bytes(path, text.encode())


def write_private_bytes(path: Path, content: bytes) -> None:
    """Do for bytes what `write_private` does for text."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_private(path: Path) -> str:
    """Read a file that is no link and is ours, root's or the folder's owner's. Raises OSError."""
    return read_private_bytes(path).decode()


def read_private_bytes(path: Path) -> bytes:
    """Do for bytes what `read_private` does for text."""
    trusted = (0, os.geteuid(), path.parent.stat().st_uid)
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as file:
        if os.fstat(number).st_uid not in trusted:
            raise PermissionError(f"{path} belongs to somebody else")
        return file.read()


def _a_link(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is a symbolic link, which is not followed: remove it", name="ANSWERLOOP_DATA_DIR"
    )

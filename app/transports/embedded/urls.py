"""URLs of embedded logs, and the one storage that each stands for in this process.

`memory://name`      a log in memory; lives as long as the process (or until `close_storage`)
`log:///abs/folder`  a log in that folder, as `log_url(folder)` writes it

Faust splits broker strings at commas and semicolons: always write a folder's URL with `log_url`,
which escapes them.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from yarl import URL

from app.transports.embedded.memory import MemoryStorage

if TYPE_CHECKING:
    from app.transports.embedded.storage import Storage

_open: dict[str, Storage] = {}
_lock = Lock()


def log_url(path: Path) -> str:
    """The broker URL of the durable log in the folder `path`."""
    return "log://" + quote(str(path.absolute()), safe="/")


def log_folder(url: str | URL) -> Path:
    """The folder of a `log:` URL."""
    folder = Path(URL(url).path)
    if not folder.is_absolute():
        raise ValueError(f"{url}: a log URL names an absolute folder, as log:///var/lib/answerloop")
    return folder


def storage_for(url: str | URL) -> Storage:
    """The storage behind `url`, opened on first use: the same object for everybody."""
    key = _key(url)
    with _lock:
        storage = _open.get(key)
        if storage is None:
            storage = _create(URL(url))
            _open[key] = storage
        return storage


def close_storage(url: str | URL) -> None:
    """Close and forget the storage behind `url`; a memory log is lost by that."""
    with _lock:
        storage = _open.pop(_key(url), None)
    if storage is not None:
        storage.close()


def _key(url: str | URL) -> str:
    url = URL(url)
    if url.scheme == "memory":
        return f"memory:{url.host or url.path.strip('/') or 'default'}"
    if url.scheme == "log":
        return f"log:{log_folder(url).resolve()}"
    raise ValueError(f"{url}: not an embedded log (memory://name or log:///folder)")


def _create(url: URL) -> Storage:
    if url.scheme == "memory":
        return MemoryStorage()
    from app.transports.embedded.sqlite import SqliteStorage

    return SqliteStorage(log_folder(url))

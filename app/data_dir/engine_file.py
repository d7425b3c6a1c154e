"""`DATA_DIR/engine.json`: the file by which other commands find a running engine."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from app.data_dir.private_files import make_data_dir, read_private, write_private
from app.settings import Settings


def engine_file(settings: Settings) -> Path:
    return settings.data_dir / "engine.json"


def write_engine_file(settings: Settings, url: str) -> None:
    """Say where this process's engine listens."""
    path = engine_file(settings)
    make_data_dir(path.parent)
    write_private(path, json.dumps({"pid": os.getpid(), "url": url}))


def remove_engine_file(settings: Settings) -> None:
    """Remove the file, unless another process's engine wrote it."""
    if _read(settings).get("pid") == os.getpid():
        engine_file(settings).unlink(missing_ok=True)


def running_engine(settings: Settings) -> str | None:
    """Return the URL of the engine that works on this DATA_DIR, or None.

    A file that a killed process left behind is recognised by its dead pid or, when another process
    has that pid by now (soon so in a container), by its address, where nobody listens.
    """
    found = _read(settings)
    pid, url = found.get("pid"), found.get("url")
    if not isinstance(pid, int) or not isinstance(url, str) or pid == os.getpid():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return url if _listens(url) else None


def _listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), 1.0).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True  # there, but not answering: whoever asks it says so
    return True


def _read(settings: Settings) -> dict[str, object]:
    try:
        found = json.loads(read_private(engine_file(settings)))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""The id of a `run --fresh`: new for each run, the same when an interrupted one is repeated.

That of the last one stays known, for a report of its answers.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.data_dir.private_files import (
    make_data_dir,
    make_private_folder,
    read_private,
    write_private,
)
from app.settings import Settings


def run_id_for(settings: Settings, file: Path) -> str:
    """Return the id of the unfinished run over this file, or of a new one."""
    known = _state(settings, file)
    if known is not None and not known.get("complete"):
        return str(known["run_id"])
    run_id = uuid4().hex
    _write(settings, file, run_id, complete=False)
    return run_id


def finish_run(settings: Settings, file: Path, run_id: str) -> None:
    """Note that the run over this file is complete: the next `--fresh` is a new one."""
    _write(settings, file, run_id, complete=True)


def last_run_id(settings: Settings, file: Path) -> str | None:
    """Return the id of the last `run --fresh` over this file, complete or not; None: none known."""
    known = _state(settings, file)
    return None if known is None else str(known["run_id"])


def _state(settings: Settings, file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(read_private(_state_file(settings, file)))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "run_id" in found else None


def _write(settings: Settings, file: Path, run_id: str, *, complete: bool) -> None:
    path = _state_file(settings, file)
    make_data_dir(settings.data_dir)
    make_private_folder(path.parent)
    state = {"run_id": run_id, "file": str(file.absolute()), "complete": complete}
    write_private(path, json.dumps(state))


def _state_file(settings: Settings, file: Path) -> Path:
    name = hashlib.sha256(str(file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return settings.data_dir / "runs" / f"{name}.json"

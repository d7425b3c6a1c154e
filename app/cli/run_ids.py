"""The id of a `run --fresh`: new for each run, the same when an interrupted one is repeated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import uuid4

from app.private_files import (
    make_data_dir,
    make_private_folder,
    read_private,
    write_private,
)
from app.settings import Settings


def run_id_for(settings: Settings, file: Path) -> str:
    """Return the id of the unfinished run over this file, or of a new one."""
    path = _state_file(settings, file)
    try:
        return str(json.loads(read_private(path))["run_id"])
    except (OSError, ValueError, KeyError):
        run_id = uuid4().hex
    make_data_dir(settings.data_dir)
    make_private_folder(path.parent)
    state = {"run_id": run_id, "file": str(file.absolute())}
    write_private(path, json.dumps(state))
    return run_id


def finish_run(settings: Settings, file: Path) -> None:
    """Note that the run over this file is complete: the next `--fresh` is a new one."""
    _state_file(settings, file).unlink(missing_ok=True)


def _state_file(settings: Settings, file: Path) -> Path:
    name = hashlib.sha256(str(file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return settings.data_dir / "runs" / f"{name}.json"

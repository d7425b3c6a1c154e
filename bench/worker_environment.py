"""The environment of a worker in a process of its own: nothing of the caller's settings."""

from __future__ import annotations

import os
from pathlib import Path

from app.settings import PREFIX


def environment(data: Path, port: int, **settings: str) -> dict[str, str]:
    """Return the caller's environment with these settings only, embedded, on an HTTP port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    chosen = {
        "data_dir": str(data),
        "http_port": str(port),
        "broker": "log:",
        "database": "embedded:",
        "pipelines": "questions",
        "log_level": "warning",
        **settings,
    }
    return {**kept, **{f"{PREFIX}{name.upper()}": value for name, value in chosen.items()}}

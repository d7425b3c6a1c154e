"""Watches a folder for a newer model, and reads it without holding up the event loop."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from app.recommender.live_tables import LiveTables
from app.recommender.model import RatingModel
from app.recommender.model_file import BrokenModel, latest, read_model

_log = structlog.get_logger(__name__)

_Seen = tuple[str, int, int, int]


class ModelFolder:
    """Gives each new model file of a folder once.

    `newer` looks at names, times and sizes only. A file that is new is read, and its tables are
    made, in a thread; a later call gives them. A broken one is logged once and left alone until it,
    or another, is newer.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: _Seen | None = None
        self._reading: threading.Thread | None = None
        self._read: LiveTables | None = None

    def first(self) -> RatingModel | None:
        """Read the newest file here and now; None where there is none that can be used."""
        path, self._seen = self._look()
        return self._try(path) if path is not None else None

    def newer(self) -> LiveTables | None:
        """Give a model that has been read since the last call."""
        if self._reading is not None:
            if self._reading.is_alive():
                return None
            self._reading = None
            tables, self._read = self._read, None
            return tables
        path, seen = self._look()
        if path is not None and seen != self._seen:
            self._seen = seen
            self._reading = threading.Thread(
                target=self._keep, args=(path,), name="model-file", daemon=True
            )
            self._reading.start()
        return None

    def wait(self, timeout_seconds: float) -> None:
        """Wait until what is being read has been read."""
        if self._reading is not None:
            self._reading.join(timeout_seconds)

    def _look(self) -> tuple[Path | None, _Seen | None]:
        try:
            path = latest(self._folder)
            if path is None:
                return None, None
            stat = path.lstat()
        except OSError as error:
            _log.warning("model_folder_unreadable", folder=str(self._folder), error=str(error))
            return None, None
        return path, (path.name, stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _keep(self, path: Path) -> None:
        model = self._try(path)
        self._read = LiveTables.of(model) if model is not None else None

    def _try(self, path: Path) -> RatingModel | None:
        try:
            model = read_model(path)
        except (BrokenModel, OSError) as error:
            _log.error("model_file_refused", path=str(path), error=str(error))
            return None
        _log.info("model_read", version=model.version, ratings=model.facts.ratings)
        return model

"""Watches a folder for a newer model, and reads it without holding up the event loop."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from app.recommender.live_tables import LiveTables
from app.recommender.model import RatingModel
from app.recommender.model_file import BrokenModel, model_files, read_model

_log = structlog.get_logger(__name__)

_Seen = tuple[str, int, int, int]


class ModelFolder:
    """Gives each new model file of a folder once.

    `newer` looks at names, times and sizes only. A file that is new is read, and its tables are
    made, in a thread; a later call gives them. A broken one is logged once and left alone until it
    changes: it hides neither the older files nor those that are newer than the model in use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: _Seen | None = None
        self._refused: set[_Seen] = set()
        self._reading: threading.Thread | None = None
        self._read: LiveTables | None = None

    def first(self) -> RatingModel | None:
        """Read the newest file that can be used here and now; None where there is none."""
        for path, seen in self._candidates():
            model = self._try(path, seen)
            if model is not None:
                return model
        return None

    def newer(self) -> LiveTables | None:
        """Give a model that has been read since the last call."""
        if self._reading is not None:
            if self._reading.is_alive():
                return None
            self._reading = None
            tables, self._read = self._read, None
            return tables
        path, seen = next(iter(self._candidates()), (None, None))
        if path is not None and seen is not None and seen != self._used:
            self._reading = threading.Thread(
                target=self._keep, args=(path, seen), name="model-file", daemon=True
            )
            self._reading.start()
        return None

    def wait(self, timeout_seconds: float) -> None:
        """Wait until what is being read has been read."""
        if self._reading is not None:
            self._reading.join(timeout_seconds)

    def _candidates(self) -> list[tuple[Path, _Seen]]:
        """Return the files that were not refused, and are not older than the one in use."""
        try:
            found = [(path, _seen(path)) for path in model_files(self._folder)]
        except OSError as error:
            _log.warning("model_folder_unreadable", folder=str(self._folder), error=str(error))
            return []
        self._refused.intersection_update(seen for _, seen in found)
        oldest = self._used[0] if self._used is not None else ""
        return [each for each in found if each[1] not in self._refused and each[1][0] >= oldest]

    def _keep(self, path: Path, seen: _Seen) -> None:
        model = self._try(path, seen)
        self._read = LiveTables.of(model) if model is not None else None

    def _try(self, path: Path, seen: _Seen) -> RatingModel | None:
        try:
            model = read_model(path)
        except (BrokenModel, OSError) as error:
            self._refused.add(seen)
            _log.error("model_file_refused", path=str(path), error=str(error))
            return None
        self._used = seen
        _log.info("model_read", version=model.version, ratings=model.facts.ratings)
        return model


def _seen(path: Path) -> _Seen:
    """Return what changes when a file does."""
    stat = path.lstat()
    return path.name, stat.st_mtime_ns, stat.st_size, stat.st_ino

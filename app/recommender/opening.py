"""Opens the recommender that the settings ask for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import structlog

from app.errors import SettingsError
from app.ports.recommender import Recommender
from app.recommender.means import MeansRecommender

#: What the extra brings.
NEEDED = ("numpy", "safetensors", "threadpoolctl")
HINT = "install the extra: pip install 'answerloop[recommender]'"

_log = structlog.get_logger(__name__)


def open_recommender(folder: Path) -> Recommender:
    """Open the newest model of a folder (`RATING_MODEL_DIR`), ready to take up newer ones.

    Reads the file: call it off the event loop, or before anything runs in it. Without a usable
    model, or without the extra `recommender`, it works by running means.
    """
    missing = missing_packages()
    if missing:
        _log.info("recommender_by_means", missing=missing, hint=HINT)
        return MeansRecommender()
    from app.recommender.live import LiveRecommender
    from app.recommender.model_folder import ModelFolder

    keep_to_one_blas_thread()
    models = ModelFolder(folder)
    return LiveRecommender(models.first(), models.newer)


def missing_packages() -> list[str]:
    """Return what the extra `recommender` would bring and is not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def require_fitting() -> None:
    """Raise SettingsError, with what to install, where models can't be fitted or read."""
    missing = missing_packages()
    if missing:
        raise SettingsError(f"fitting and reading rating models needs {', '.join(missing)}: {HINT}")


def keep_to_one_blas_thread() -> None:
    """Make numpy's linear algebra use the calling thread only, for the life of the process.

    The recommender works in the event loop on small matrices: more threads cost more than they
    bring there, and make its times uneven. Other libraries (torch) keep theirs.
    """
    import numpy as np
    from threadpoolctl import ThreadpoolController

    home = str(Path(np.__file__).parents[1])
    for library in ThreadpoolController().lib_controllers:
        near = library.filepath.startswith(home) and "numpy" in library.filepath
        if library.user_api == "blas" and near:
            library.set_num_threads(1)

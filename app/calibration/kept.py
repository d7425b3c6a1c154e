"""Scores of the built-in pairs, kept in `DATA_DIR`: a gate is checked anew without a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.adapters.scorer.models import choose_encoder
from app.calibration.builtin import built_in_version
from app.calibration.check import built_in_check_pairs
from app.calibration.measure import Scored
from app.core.gate import Score
from app.data_dir.private_files import (
    make_data_dir,
    make_private_folder,
    read_private,
    write_private,
)
from app.errors import SettingsError
from app.ports import Scorer
from app.settings import Settings

_log = structlog.get_logger("answerloop")

#: Settings of the scorer that change no figure.
_NO_MATTER = {"scorer_threads"}


@dataclass(frozen=True, slots=True)
class KeptScores:
    """What a scorer that called itself so made of the built-in pairs, in their order.

    `failed`: the number of those that it gave no score; where there are any, nothing is kept.
    """

    scorer: str
    library: str
    scored: list[Scored]
    failed: int = 0


def read_kept(settings: Settings, scorer: Scorer) -> KeptScores | None:
    """Return what was kept for the scorer in force; None when there is nothing that fits."""
    try:
        found = json.loads(read_private(_file(settings, scorer)))
        scores = [Score(*(float(figure) for figure in row)) for row in found["scores"]]
        pairs = built_in_check_pairs()
        scored = [Scored(*each, None) for each in zip(pairs, scores, strict=True)]
        return KeptScores(str(found["scorer"]), str(found["library"]), scored)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # nothing there, or nothing that this version wrote


def keep(settings: Settings, scorer: Scorer, scored: Sequence[Scored]) -> None:
    """Keep the scores of all built-in pairs; a folder that takes none costs a warning, no check."""
    rows = [[each.score.precision, each.score.recall, each.score.f1] for each in scored]
    content = {"scorer": scorer.name, "library": scorer.library, "scores": rows}
    try:
        file = _file(settings, scorer)
        make_data_dir(settings.data_dir)
        make_private_folder(file.parent)
        write_private(file, json.dumps(content))
    except (SettingsError, OSError) as error:
        _log.warning("gate_check_not_kept", folder=str(settings.data_dir), why=str(error))


def _file(settings: Settings, scorer: Scorer) -> Path:
    """Return the file for this scorer and these pairs: its name is a hash of all that matters."""
    chosen = settings.model_dump(
        include={name for name in Settings.model_fields if name.startswith("scorer")} - _NO_MATTER
    )
    parts = [repr(sorted(chosen.items())), built_in_version()]
    if settings.scorer == "local:":
        parts += [scorer.name, scorer.library, *_files_of_model(settings.scorer_model)]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
    return settings.data_dir.absolute() / "gate-checks" / f"{name}.json"


def _files_of_model(model: str | None) -> list[str]:
    """Return names, sizes and times of the files of an encoder in a folder: it may be trained on.

    Nothing for a model that has a name: the library's version and the name tell it.
    """
    model_type = choose_encoder(model).model_type
    folder = Path(model_type or "")
    if model_type is None or not folder.is_dir():
        return []
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]

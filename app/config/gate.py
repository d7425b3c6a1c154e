"""The gate in force: the bundled scorer's calibrated profile, a file, or the settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.gate import Gate, Metric
from app.errors import SettingsError
from app.settings import Settings

SHIPPED = Path(__file__).parents[1] / "adapters" / "scorer" / "profiles" / "minilm-l6.json"
_NAME = "ANSWERLOOP_QUALITY_PROFILE"


class Profile(msgspec.Struct):
    """What a profile file holds: the scorer it was measured with, and metric and threshold."""

    scorer: str
    metric: Metric
    threshold: float
    measured: dict[str, object] = {}


def gate_in_force(settings: Settings) -> Gate:
    """Return metric, threshold and source.

    A threshold or a metric that is set switches the profile off. `auto:` is the shipped profile
    when the scorer is the bundled MiniLM (for which 0.75 rejects most good answers), else the two
    settings.
    """
    chosen = Gate(settings.quality_threshold, settings.quality_metric, "settings")
    set_by_hand = {"quality_threshold", "quality_metric"} & settings.model_fields_set
    if set_by_hand or settings.quality_profile == "none":
        return chosen
    if settings.quality_profile == "auto:":
        if settings.scorer != "local:" or settings.scorer_model is not None:
            return chosen
        return _read(SHIPPED)
    return _read(Path(settings.quality_profile))


def _read(path: Path) -> Gate:
    try:
        profile = msgspec.json.decode(path.read_bytes(), type=Profile)
    except OSError as error:
        raise SettingsError(
            f"{_NAME}: {path} can't be read ({error.strerror}); use auto:, none or a profile file",
            name=_NAME,
        ) from error
    except msgspec.MsgspecError as error:
        raise SettingsError(f"{_NAME}: {path} is no profile: {error}", name=_NAME) from error
    if not 0 <= profile.threshold <= 1:
        raise SettingsError(f"{_NAME}: {path}: threshold is not within 0..1", name=_NAME)
    return Gate(profile.threshold, profile.metric, f"profile {path.stem}")

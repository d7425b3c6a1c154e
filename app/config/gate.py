"""The gate in force: the bundled scorer's calibrated profile, a file, or the settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.gate import Gate, Metric
from app.errors import SettingsError
from app.settings import Settings

SHIPPED_FOLDER = Path(__file__).parents[1] / "adapters" / "scorer" / "profiles"
SHIPPED = SHIPPED_FOLDER / "minilm-l6.json"
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
    settings; of a scorer elsewhere `gates_by_scorer` knows more once it has told its name.
    """
    chosen = Gate(settings.quality_threshold, settings.quality_metric, "settings")
    if _set_by_hand(settings) or settings.quality_profile == "none":
        return chosen
    if settings.quality_profile == "auto:":
        if settings.scorer != "local:" or settings.scorer_model is not None:
            return chosen
        return _read(SHIPPED)
    return _read(_path_of(settings.quality_profile))


def gates_by_scorer(settings: Settings) -> dict[str, Gate]:
    """Return the gates that a scorer elsewhere puts in force by telling its name (`minilm-l6:6`).

    Empty where the gate does not depend on that: in this process, or with a gate that was chosen.
    """
    elsewhere = settings.scorer.startswith(("http://", "https://"))
    if not elsewhere or settings.quality_profile != "auto:" or _set_by_hand(settings):
        return {}
    return {_decode(SHIPPED).scorer: _read(SHIPPED)}


def gate_by(settings: Settings, scorer_name: str) -> Gate:
    """Return the gate in force for the figures of the scorer that calls itself so."""
    return gates_by_scorer(settings).get(scorer_name) or gate_in_force(settings)


def _set_by_hand(settings: Settings) -> bool:
    return bool({"quality_threshold", "quality_metric"} & settings.model_fields_set)


def _path_of(profile: str) -> Path:
    """Return the file of a profile: that of a shipped one by its name, `minilm-l6`, too."""
    shipped = SHIPPED_FOLDER / f"{profile}.json"
    by_name = Path(profile).name == profile and shipped.is_file()
    return shipped if by_name else Path(profile)


def _read(path: Path) -> Gate:
    profile = _decode(path)
    return Gate(profile.threshold, profile.metric, f"profile {path.stem}")


def _decode(path: Path) -> Profile:
    try:
        profile = msgspec.json.decode(path.read_bytes(), type=Profile)
    except OSError as error:
        raise SettingsError(
            f"{_NAME}: {path} can't be read ({error.strerror}); use auto:, none, "
            f"minilm-l6 or a profile file",
            name=_NAME,
        ) from error
    except msgspec.MsgspecError as error:
        raise SettingsError(f"{_NAME}: {path} is no profile: {error}", name=_NAME) from error
    if not 0 <= profile.threshold <= 1:
        raise SettingsError(f"{_NAME}: {path}: threshold is not within 0..1", name=_NAME)
    return profile

"""The gate in force: the bundled scorer's calibrated profile, a file, or the settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.gate import Gate, Metric
from app.core.guards.language import LANGUAGE_CODES
from app.errors import ScorerUnavailable, SettingsError
from app.opening.scorer import open_scorer
from app.settings import Settings

SHIPPED_FOLDER = Path(__file__).parents[1] / "adapters" / "scorer" / "profiles"
SHIPPED = SHIPPED_FOLDER / "minilm-l6.json"
_NAME = "ANSWERLOOP_QUALITY_PROFILE"


class Profile(msgspec.Struct):
    """What a profile file holds: metric and threshold, and the scorer they were measured with.

    `library` and `measured` (by whom, when, on what, with which figures) are for people.
    """

    scorer: str
    metric: Metric
    threshold: float
    library: str = ""
    #: Thresholds of languages that have their own, by code (`en`).
    languages: dict[str, float] = {}
    measured: dict[str, object] = {}


def gate_in_force(settings: Settings) -> Gate:
    """Return metric, threshold and source.

    A threshold or a metric that is set switches the profile off. `auto:` is the shipped profile
    when the scorer is the bundled MiniLM (for which 0.75 rejects most good answers), else the two
    settings; of a scorer elsewhere `gates_by_scorer` knows more once it has told its name. Raises
    SettingsError for a file that is no profile, or one of another scorer.
    """
    path = profile_path(settings)
    if path is None:
        return Gate(settings.quality_threshold, settings.quality_metric, "settings")
    profile = read_profile(path)
    name = scorer_name(settings)
    if name is not None:
        refuse_other_scorer(path, profile, name)
    return _gate(path, profile)


def gates_by_scorer(settings: Settings) -> dict[str, Gate]:
    """Return the gates that a scorer elsewhere puts in force by telling its name (`minilm-l6:6`).

    Empty where the gate does not depend on that: in this process, or with a gate that was chosen.
    """
    elsewhere = settings.scorer.startswith(("http://", "https://"))
    if not elsewhere or settings.quality_profile != "auto:" or _set_by_hand(settings):
        return {}
    shipped = read_profile(SHIPPED)
    return {shipped.scorer: _gate(SHIPPED, shipped)}


def gate_by(settings: Settings, scorer_name: str) -> Gate:
    """Return the gate in force for the figures of the scorer that calls itself so."""
    return gates_by_scorer(settings).get(scorer_name) or gate_in_force(settings)


def words_of_nameless(settings: Settings, scorer_name: str) -> str:
    """Say that a scorer elsewhere does not tell its model, so that the settings judge its figures.

    Nothing where it told its name, or where the gate was chosen. `scorer_name` is what it is called
    after it answered.
    """
    if not gates_by_scorer(settings) or not scorer_name.startswith(("http://", "https://")):
        return ""
    return (
        f"the scorer at {settings.scorer} does not say which model its figures are of, so they "
        f"are judged by {gate_in_force(settings).words}, which may be meant for another. Let its "
        "server tell its name (answerloop score-server does), or set ANSWERLOOP_QUALITY_THRESHOLD "
        "and ANSWERLOOP_QUALITY_METRIC to what was measured with it"
    )


def profile_path(settings: Settings) -> Path | None:
    """Return the file of the profile in force, or None when metric and threshold are settings."""
    if _set_by_hand(settings) or settings.quality_profile == "none":
        return None
    if settings.quality_profile != "auto:":
        return _path_of(settings.quality_profile)
    return SHIPPED if scorer_name(settings) == read_profile(SHIPPED).scorer else None


def scorer_name(settings: Settings) -> str | None:
    """Return what the scorer in force calls itself, without loading it.

    None where that is not known yet: another answerloop's, or one whose packages are missing.
    Raises SettingsError as opening it would.
    """
    if settings.scorer.startswith("http"):
        return None
    try:
        return open_scorer(settings, []).name
    except ScorerUnavailable:
        return None


def refuse_other_scorer(path: Path, profile: Profile, name: str) -> None:
    """Raise SettingsError when the profile was measured with another scorer than `name`."""
    if profile.scorer != name:
        raise SettingsError(
            f"{_NAME}: {path} was measured with the scorer {profile.scorer}, and {name} is in "
            "force: a threshold of one means nothing for the other. Measure anew "
            "(answerloop gate calibrate FILE --out profile.json), or change the scorer",
            name=_NAME,
        )


def read_profile(path: Path) -> Profile:
    """Read a profile. Raises SettingsError when the file is none."""
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
    thresholds = {"threshold": profile.threshold}
    thresholds |= {f"languages: {code}": each for code, each in profile.languages.items()}
    for which, threshold in thresholds.items():
        if not 0 <= threshold <= 1:
            raise SettingsError(f"{_NAME}: {path}: {which} is not within 0..1", name=_NAME)
    if unknown := sorted(set(profile.languages) - set(LANGUAGE_CODES)):
        raise SettingsError(
            f"{_NAME}: {path}: languages names {', '.join(unknown)}, which can't be told from a "
            f"text; those that can: {', '.join(LANGUAGE_CODES)}",
            name=_NAME,
        )
    return profile


def _gate(path: Path, profile: Profile) -> Gate:
    own = tuple(sorted(profile.languages.items()))
    return Gate(profile.threshold, profile.metric, f"profile {path.stem}", own)


def _set_by_hand(settings: Settings) -> bool:
    return bool({"quality_threshold", "quality_metric"} & settings.model_fields_set)


def _path_of(profile: str) -> Path:
    """Return the file of a profile: that of a shipped one by its name, `minilm-l6`, too."""
    shipped = SHIPPED_FOLDER / f"{profile}.json"
    by_name = Path(profile).name == profile and shipped.is_file()
    return shipped if by_name else Path(profile)

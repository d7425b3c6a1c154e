"""The gate of a scorer whose name is known, which one elsewhere tells with its first answer."""

from __future__ import annotations

from app.config.gate import gate_by, profile_path, read_profile, refuse_other_scorer
from app.core.gate import Gate
from app.settings import Settings


def gate_of_told(settings: Settings, scorer_name: str) -> Gate:
    """Return the gate in force for the scorer that told this name.

    Raises SettingsError when the profile in force was measured with another one.
    """
    path = profile_path(settings)
    if path is not None:
        refuse_other_scorer(path, read_profile(path), scorer_name)
    return gate_by(settings, scorer_name)

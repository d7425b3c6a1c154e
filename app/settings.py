"""Settings: the only reader of the environment (`ANSWERLOOP_*`) and of a `.env` file.

A misspelt name, a wrong value or a contradiction stops the start with one line that names it. The
settings themselves are in `app/config/fields/`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from app.config.fields.gate import GateSettings
from app.config.fields.kafka import KafkaSettings
from app.config.fields.model import ModelSettings
from app.config.fields.overload import OverloadSettings
from app.config.fields.parts import PartSettings
from app.config.fields.ratings import RatingSettings
from app.config.fields.retries import RetrySettings
from app.config.fields.service import ServiceSettings
from app.config.pipelines import QUESTIONS, RATINGS
from app.config.reading import PREFIX, dotenv, first_error, refuse_unknown_names
from app.config.urls import URLS_WITH_PASSWORDS

__all__ = [
    "PREFIX",
    "QUESTIONS",
    "RATINGS",
    "URLS_WITH_PASSWORDS",
    "Settings",
    "batch_settings",
    "known_names",
    "load_settings",
    "secret_settings",
]


class Settings(
    KafkaSettings,
    RatingSettings,
    ServiceSettings,
    OverloadSettings,
    RetrySettings,
    GateSettings,
    ModelSettings,
    PartSettings,
):
    """Every setting, with its default, bounds and meaning. `config show` prints this table.

    (Fields of the last base come first.)
    """

    @property
    def model_folder(self) -> Path:
        """Where recommender models are: RATING_MODEL_DIR, else under DATA_DIR."""
        return self.rating_model_dir or self.data_dir / "models"

    @model_validator(mode="after")
    def _one_baseline(self) -> Settings:
        if self.scorer_rescale and self.scorer != "local:":
            raise ValueError(
                f"{PREFIX}SCORER_RESCALE is for {PREFIX}SCORER=local:; a scorer elsewhere has "
                f"its own"
            )
        return self


def secret_settings() -> list[str]:
    """Return the names of the settings whose value is secret as a whole."""
    return [n for n, f in Settings.model_fields.items() if "SecretStr" in str(f.annotation)]


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env`; `overrides` (from command line options) win.

    Raises SettingsError with the name of the setting, what is wrong and how it may look.
    """
    known = known_names()
    refuse_unknown_names(os.environ, "the environment", known)
    refuse_unknown_names(dotenv(), ".env", known)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise first_error(error, Settings) from None


def batch_settings(**overrides: Any) -> Settings:
    """Read the settings for a command that brings an engine of its own.

    It has no deadline, and any free port, unless they are set.
    """
    plain = load_settings(**overrides)
    defaults = {"deadline_seconds": 0.0, "http_port": 0}
    unset = {n: value for n, value in defaults.items() if n not in plain.model_fields_set}
    return load_settings(**{**overrides, **unset})


def known_names() -> list[str]:
    """Return the environment variable of every setting."""
    return [PREFIX + name.upper() for name in Settings.model_fields]

"""Settings as people see them: secrets and passwords masked."""

from __future__ import annotations

import os
from typing import Any

from pydantic import SecretStr

from app.config.reading import PREFIX, dotenv
from app.config.secret_urls import MASK, masked_url
from app.settings import Settings


def setting_row(settings: Settings, name: str) -> dict[str, Any]:
    """Return one setting as it is shown; a password inside a URL is masked too."""
    value = getattr(settings, name)
    shown: str | None = None
    if isinstance(value, SecretStr):
        shown = MASK
    elif value is not None:
        shown = masked_url(str(value)) if "://" in str(value) else str(value)
    return {
        "setting": PREFIX + name.upper(),
        "value": shown,
        "from": "set" if name in settings.model_fields_set else "default",
        "meaning": Settings.model_fields[name].description,
    }


def setting_rows(settings: Settings) -> list[dict[str, Any]]:
    """Return every setting, in the order in which they are declared."""
    return [setting_row(settings, name) for name in Settings.model_fields]


def setting_source(settings: Settings, name: str) -> str:
    """Return where a value comes from: `environment`, `.env`, `option` (of a command), `default`.

    An empty variable of the environment sets nothing.
    """
    if name not in settings.model_fields_set:
        return "default"
    variable = PREFIX + name.upper()
    for source, values in (("environment", dict(os.environ)), (".env", dotenv())):
        if _named(values, variable):
            return source
    return "option"


def shadowed_settings() -> list[str]:
    """Return the variables that `.env` gives one value and the environment, which wins, another."""
    environment, file = dict(os.environ), dotenv()
    return [
        variable
        for variable in (PREFIX + name.upper() for name in Settings.model_fields)
        if (ours := _named(environment, variable))
        and (theirs := _named(file, variable))
        and ours != theirs
    ]


def _named(values: dict[str, Any], variable: str) -> str | None:
    """Return the value of a variable, in whatever case it is written; None when it is empty."""
    return next(
        (value for name, value in values.items() if name.upper() == variable and value), None
    )

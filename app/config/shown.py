"""Settings as people see them: secrets and passwords masked."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from app.config.reading import PREFIX
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

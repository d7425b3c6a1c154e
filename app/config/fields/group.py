"""What every group of settings has in common."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from app.config.reading import PREFIX


class Group(BaseSettings):
    """Settings that are read from `ANSWERLOOP_*` and `.env`, and do not change."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

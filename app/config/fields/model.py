"""The language model: which, and how it may be called."""

from __future__ import annotations

from pydantic import Field, SecretStr

from app.config.fields.group import Group


class ModelSettings(Group):
    llm_model: str | None = Field(
        None, description="Model name; default: the server's first, or the bundled one"
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of an OpenAI-compatible server")
    llm_timeout_seconds: float = Field(120, gt=0, le=3600, description="Limit of one model call")
    llm_concurrency: int = Field(
        8, ge=1, le=1000, description="Model calls in flight at most, in this process"
    )

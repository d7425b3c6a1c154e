"""The language model that the settings name."""

from __future__ import annotations

from app.opening.closing import Closer
from app.ports import LanguageModel
from app.settings import Settings


def model_of(settings: Settings) -> LanguageModel:
    """Return the model that the settings name, nothing connected yet: `resolve_model` makes it one.

    Raises SettingsError when it can't be.
    """
    from app.adapters.llm.open import open_model

    return open_model(
        settings.llm,
        settings.llm_model,
        settings.llm_api_key.get_secret_value() if settings.llm_api_key else "",
        settings.llm_timeout_seconds,
        also=sorted(set(settings.strategies.models())),
        causes=settings.causes,
    )


async def open_checked_model(settings: Settings, closers: list[Closer]) -> LanguageModel:
    from app.adapters.llm.auto import resolve_model

    model = await resolve_model(model_of(settings))
    closers.append(model.close)
    await model.check()
    return model

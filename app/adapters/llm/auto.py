"""A model that is chosen when the engine starts: a running Ollama, or the bundled one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.core.failures import CAUSES
from app.core.strategies import Prompt
from app.errors import UnavailableError, llm_failed
from app.ports import LanguageModel, ModelAnswer


class ChosenModel:
    """The model that `choose` finds; chosen once, by `resolve` or by the first call.

    `model` is part of a question's identity: await `resolve` before anything reads it.
    """

    def __init__(self, choose: Callable[[], Awaitable[LanguageModel]], wish: str) -> None:
        self._choose = choose
        self._wish = wish
        self._chosen: LanguageModel | None = None
        self._choosing = asyncio.Lock()

    async def resolve(self) -> LanguageModel:
        """Return the chosen model. Raises UnavailableError when there is none."""
        async with self._choosing:
            if self._chosen is None:
                self._chosen = await self._choose()
            return self._chosen

    @property
    def model(self) -> str:
        """The chosen model's name. Raises UnavailableError before `resolve`."""
        if self._chosen is None:
            raise UnavailableError(f"the model of {self._wish} is not chosen yet")
        return self._chosen.model

    @property
    def where(self) -> str:
        """The chosen model's place, or the wish while there is none."""
        return self._wish if self._chosen is None else self._chosen.where

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask the chosen model once. Raises LlmFailed."""
        try:
            chosen = await self.resolve()
        except UnavailableError as error:
            raise llm_failed(CAUSES["refused"], str(error)) from None
        return await chosen.answer(prompt)

    async def check(self) -> str:
        """Check the chosen model. Raises UnavailableError."""
        return await (await self.resolve()).check()

    async def close(self) -> None:
        """Close the chosen model."""
        if self._chosen is not None:
            await self._chosen.close()


async def resolve_model(model: LanguageModel) -> LanguageModel:
    """Return the model itself, chosen if it has yet to be. Raises UnavailableError."""
    return await model.resolve() if isinstance(model, ChosenModel) else model

"""The port of a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.core.strategies import Prompt


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model said. `finish_reason` is the server's word (`stop`, `length`, ...).

    `tokens` are those of the answer, `prompt_tokens` those that were read; None: not told.
    """

    text: str
    model: str
    seconds: float
    tokens: int | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None


class LanguageModel(Protocol):
    """A language model behind some protocol. One call is one try: no retries inside."""

    @property
    def model(self) -> str:
        """The model's name as the server knows it; part of a question's identity."""
        ...

    @property
    def where(self) -> str:
        """The server for people, without secrets: `ollama at host:11434`, `bundled`."""
        ...

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises LlmFailed (one of its three kinds) and nothing else."""
        ...

    async def check(self) -> str:
        """Return a short detail when the model can be asked; raises UnavailableError."""
        ...

    async def close(self) -> None: ...

"""One protocol of model servers: a fake server, and models opened on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.core.strategies import prompt_for
from app.errors import LlmFailed
from app.fake_llm import FakeModelServer, Step
from app.ports import LanguageModel

KEY = "canary-key-1234"


QUESTION = "Why?"


PROTOCOLS = ("ollama", "openai")


@dataclass
class Wire:
    """One protocol: a fake server, and how to open a model on a host of that protocol."""

    protocol: str
    server: FakeModelServer
    open_at: Callable[[str, float], LanguageModel]

    async def outcome(self, step: Step, timeout_seconds: float = 10.0) -> LlmFailed:
        """Return how a call ends that gets `step`."""
        self.server.script[QUESTION].append(step)
        return await self.failure(self.server.host, timeout_seconds)

    async def failure(self, host: str, timeout_seconds: float = 10.0) -> LlmFailed:
        model = self.open_at(host, timeout_seconds)
        try:
            with pytest.raises(LlmFailed) as caught:
                await model.answer(prompt_for(QUESTION, 1))
        finally:
            await model.close()
        assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        return caught.value

    async def answer(self, step: Step) -> str:
        self.server.script[QUESTION].append(step)
        model = self.open_at(self.server.host, 10.0)
        try:
            return (await model.answer(prompt_for(QUESTION, 1))).text
        finally:
            await model.close()


def open_ollama(host: str, timeout_seconds: float) -> LanguageModel:
    return OllamaModel(host, "smol", timeout_seconds, api_key=KEY)


def open_openai(host: str, timeout_seconds: float) -> LanguageModel:
    return OpenAiModel(f"http://{host}/v1", "smol", KEY, timeout_seconds)

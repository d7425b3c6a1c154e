"""A model on an Ollama server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ollama

from app.adapters.llm.call import Reply, Server, answer_once, list_models
from app.adapters.llm.http import BoundedTransport, StraightClient
from app.adapters.llm.text import clean_text
from app.core.causes import BUILT_IN, CauseTable
from app.core.strategies import Prompt
from app.errors import UnavailableError
from app.ports import ModelAnswer

_CHECK_SECONDS = 5.0


class _Client(ollama.AsyncClient):
    """The package's own, over a client that sends straight away."""

    def __init__(self, host: str, **options: Any) -> None:
        super(ollama.AsyncClient, self).__init__(StraightClient, host, **options)


class OllamaModel:
    """`model` on the Ollama server at `host` (`host:port` or a URL). Constructing connects nothing.

    A call ends within `timeout_seconds`. `api_key` is for a server behind a proxy that wants one;
    `also` are models that prompts may name instead of `model`; `causes` reads failures.
    """

    def __init__(
        self,
        host: str,
        model: str,
        timeout_seconds: float = 120.0,
        *,
        api_key: str = "",
        also: Sequence[str] = (),
        causes: CauseTable = BUILT_IN,
    ) -> None:
        self._model = model
        self._place = host.rpartition("://")[2].rpartition("@")[2].rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._also = tuple(also)
        self._server = Server("ollama", self._place.partition("/")[0], causes, api_key)
        self._transport = BoundedTransport(
            timeout_seconds, f"Bearer {api_key}" if api_key else None
        )
        self._client = _Client(
            host,
            transport=self._transport,
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def model(self) -> str:
        """The model's name on the server."""
        return self._model

    @property
    def where(self) -> str:
        """`ollama at host:port`."""
        return f"ollama at {self._place}"

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises LlmFailed."""
        return await answer_once(
            lambda: self._chat(prompt),
            timeout_seconds=self._timeout_seconds,
            server=self._server,
        )

    async def _chat(self, prompt: Prompt) -> Reply:
        model = prompt.model or self._model
        messages = [{"role": "user", "content": clean_text(prompt.user)}]
        if prompt.system:
            messages.insert(0, {"role": "system", "content": clean_text(prompt.system)})
        response = await self._client.chat(
            model=model,
            messages=messages,
            stream=False,
            options={
                "temperature": prompt.temperature,
                "seed": prompt.seed,
                "num_predict": prompt.max_tokens,
            },
        )
        text = response.message.content or ""
        if response.done is False:
            raise ValueError("the reply is not the last one")
        return Reply(
            text=text,
            model=model,
            tokens=response.eval_count,
            prompt_tokens=response.prompt_eval_count,
            finish_reason=response.done_reason,
            loading=response.done_reason == "load" and not text.strip(),
        )

    async def models(self, within_seconds: float = _CHECK_SECONDS) -> list[str]:
        """Return the names of the server's models. Raises UnavailableError."""
        return await list_models(
            self._names, where=self.where, within_seconds=within_seconds, server=self._server
        )

    async def _names(self) -> list[str]:
        listing = await self._client.list()
        return [entry.model for entry in listing.models if entry.model]

    async def check(self) -> str:
        """Say that the server has every model that is asked. Raises UnavailableError."""
        names = await self.models()
        for model in (self._model, *self._also):
            if model not in names and f"{model}:latest" not in names:
                raise UnavailableError(
                    f"{self.where} has no model {model!r}: run `ollama pull {model}`"
                )
        return f"{self._model} on {self.where}"

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

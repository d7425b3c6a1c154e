"""A model behind the OpenAI protocol: OpenAI itself, vLLM, llama.cpp, or Ollama's `/v1`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import openai

from app.adapters.llm.call import Reply, Server, answer_once, list_models
from app.adapters.llm.http import BoundedTransport
from app.adapters.llm.text import clean_text
from app.core.causes import BUILT_IN, CauseTable
from app.core.strategies import Prompt
from app.errors import UnavailableError
from app.ports import ModelAnswer

_CHECK_SECONDS = 5.0
#: Its newer models refuse `max_tokens`; most other servers know nothing else.
_WANTS_MAX_COMPLETION_TOKENS = "api.openai.com"


class OpenAiModel:
    """`model` at `base_url` (`http://host:port/v1`). Constructing connects nothing.

    A call ends within `timeout_seconds`; the package's own retries are off. `api_key` (empty: none
    is sent) never shows in errors or in the object's text; `also` are models that prompts may name
    instead of `model`; `causes` reads failures.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str = "",
        timeout_seconds: float = 120.0,
        *,
        also: Sequence[str] = (),
        causes: CauseTable = BUILT_IN,
    ) -> None:
        self._model = model
        self._place = urlsplit(base_url).netloc.rpartition("@")[2]
        self._timeout_seconds = timeout_seconds
        self._also = tuple(also)
        self._server = Server("openai", self._place, causes, api_key)
        self._limit_name = (
            "max_completion_tokens"
            if urlsplit(base_url).hostname == _WANTS_MAX_COMPLETION_TOKENS
            else "max_tokens"
        )
        http_client = httpx.AsyncClient(
            transport=BoundedTransport(timeout_seconds, f"Bearer {api_key}" if api_key else None),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=timeout_seconds,
            # openai 3 is typed for httpx2 and takes httpx as well (openai/_httpx2.py).
            http_client=cast(Any, http_client),
        )

    @property
    def model(self) -> str:
        """The model's name on the server."""
        return self._model

    @property
    def where(self) -> str:
        """`openai protocol at host:port`."""
        return f"openai protocol at {self._place}"

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises LlmFailed."""
        return await answer_once(
            lambda: self._chat(prompt),
            timeout_seconds=self._timeout_seconds,
            server=self._server,
        )

    async def _chat(self, prompt: Prompt) -> Reply:
        model = prompt.model or self._model
        # The system message stays when it is empty: templates put their own in its place otherwise.
        request: dict[str, Any] = {
            "model": model,
            "messages": [
                {"role": "system", "content": clean_text(prompt.system)},
                {"role": "user", "content": clean_text(prompt.user)},
            ],
            "temperature": prompt.temperature,
            "seed": prompt.seed,
            self._limit_name: prompt.max_tokens,
        }
        raw = await self._client.chat.completions.with_raw_response.create(**request)
        return read_completion(raw.content, model)

    async def models(self, within_seconds: float = _CHECK_SECONDS) -> list[str]:
        """Return the ids of the server's models. Raises UnavailableError."""
        return await list_models(
            self._names, where=self.where, within_seconds=within_seconds, server=self._server
        )

    async def _names(self) -> list[str]:
        raw = await self._client.models.with_raw_response.list()
        return [str(entry["id"]) for entry in json.loads(raw.content)["data"]]

    async def check(self) -> str:
        """Say that the server answers and lists the model. Raises UnavailableError."""
        names = await self.models()
        for model in (self._model, *self._also):
            if names and model not in names and f"{model}:latest" not in names:
                raise UnavailableError(f"{self.where} has no model {model!r}")
        return f"{self._model}, {self.where}"

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def read_completion(body: bytes, model: str) -> Reply:
    """Read a chat completion strictly. Raises ValueError when it is not what the protocol says."""
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the reply is not an object")
    if document.get("error"):
        raise ValueError("the reply is an error")
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("the reply has no choices")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise ValueError("the reply has no message")
    text = message.get("content")
    finish_reason = choices[0].get("finish_reason")
    usage = document.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    if text is not None and not isinstance(text, str):
        raise ValueError("the reply's content is not a text")
    return Reply(
        text=text or "",
        model=model,
        tokens=_count(counts.get("completion_tokens")),
        prompt_tokens=_count(counts.get("prompt_tokens")),
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        loading=finish_reason == "load" and not (text or "").strip(),  # an Ollama, under /v1
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int else None

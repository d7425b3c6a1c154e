"""From the setting `LLM` to a model. Constructs only: nothing is connected or loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.adapters.llm.auto import ChosenModel
from app.adapters.llm.bundled import MODEL_NAME, BundledModel
from app.core.causes import BUILT_IN, CauseTable
from app.errors import SettingsError, UnavailableError
from app.ports import LanguageModel

if TYPE_CHECKING:  # each package is imported when it is asked: openai's takes more than a second
    from app.adapters.llm.ollama import OllamaModel
    from app.adapters.llm.openai import OpenAiModel

SETTING = "ANSWERLOOP_LLM"
CHOICES = "auto:, bundled:, ollama://host:port, openai+http://host/v1, openai+https://host/v1"
_OLLAMA_HERE = "127.0.0.1:11434"
_OLLAMA_PORT = 11434
_PROBE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Options:
    """What every kind of model gets."""

    name: str | None
    api_key: str
    timeout_seconds: float
    also: tuple[str, ...]
    causes: CauseTable

    def ollama(self, host: str, name: str, api_key: str) -> OllamaModel:
        from app.adapters.llm.ollama import OllamaModel

        return OllamaModel(
            host,
            name,
            self.timeout_seconds,
            api_key=api_key,
            also=self.also if name else (),
            causes=self.causes,
        )

    def openai(self, base_url: str, name: str) -> OpenAiModel:
        from app.adapters.llm.openai import OpenAiModel

        return OpenAiModel(
            base_url,
            name,
            self.api_key,
            self.timeout_seconds,
            also=self.also if name else (),
            causes=self.causes,
        )

    def bundled(self) -> BundledModel:
        others = [name for name in self.also if name != MODEL_NAME]
        if others:
            raise SettingsError(
                f"ANSWERLOOP_STRATEGIES_FILE asks the model {others[0]!r}, "
                f"but bundled: has one model, {MODEL_NAME}",
                name="ANSWERLOOP_STRATEGIES_FILE",
            )
        return BundledModel(timeout_seconds=self.timeout_seconds, causes=self.causes)


def open_model(
    url: str,
    model_name: str | None = None,
    api_key: str = "",
    timeout_seconds: float = 120.0,
    *,
    ollama_here: str = _OLLAMA_HERE,
    also: Sequence[str] = (),
    causes: CauseTable = BUILT_IN,
) -> LanguageModel:
    """Return the model that `url` names. Raises SettingsError.

    `also` are the other models that prompts name; `causes` is the table that reads failures.

    With `auto:`, and with a server but no `model_name`, the model is chosen by `resolve_model`:
    `auto:` takes a running Ollama (at `ollama_here`) that has `model_name` (or any model), else the
    bundled model; a server gives its first model.
    """
    scheme, _, rest = url.partition(":")
    options = _Options(model_name, api_key, timeout_seconds, tuple(also), causes)
    match scheme:
        case "auto" if not rest:
            return ChosenModel(lambda: _auto(ollama_here, options), "auto: (Ollama or bundled)")
        case "bundled" if not rest:
            return _bundled(options)
        case "ollama":
            return _ollama(_ollama_host(url), options)
        case "openai+http" | "openai+https":
            _host(url)
            return _openai(url.removeprefix("openai+"), options)
    raise SettingsError(f"{SETTING}={url!r} is not one of: {CHOICES}", name=SETTING)


def _host(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise SettingsError(f"{SETTING}={url!r} names no host; choices: {CHOICES}", name=SETTING)
    if parts.username or parts.password:
        raise SettingsError(
            f"{SETTING} must not carry a password: set ANSWERLOOP_LLM_API_KEY", name=SETTING
        )
    return host, port


def _ollama_host(url: str) -> str:
    host, port = _host(url)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port or _OLLAMA_PORT}"


def _bundled(options: _Options) -> BundledModel:
    if options.name not in (None, "", MODEL_NAME):
        raise SettingsError(
            f"bundled: has one model, {MODEL_NAME}: unset ANSWERLOOP_LLM_MODEL",
            name="ANSWERLOOP_LLM_MODEL",
        )
    return options.bundled()


def _ollama(host: str, options: _Options) -> LanguageModel:
    if options.name:
        return options.ollama(host, options.name, options.api_key)

    async def first() -> LanguageModel:
        asked = options.ollama(host, "", options.api_key)
        try:
            names = await asked.models()
        finally:
            await asked.close()
        if not names:
            raise UnavailableError(f"{asked.where} has no model: run `ollama pull MODEL`")
        return options.ollama(host, names[0], options.api_key)

    return ChosenModel(first, f"ollama at {host}")


def _openai(base_url: str, options: _Options) -> LanguageModel:
    if options.name:
        return options.openai(base_url, options.name)

    async def first() -> LanguageModel:
        asked = options.openai(base_url, "")
        try:
            names = await asked.models()
        finally:
            await asked.close()
        if len(names) != 1:
            raise UnavailableError(
                f"{asked.where} has {len(names)} models: set ANSWERLOOP_LLM_MODEL"
            )
        return options.openai(base_url, names[0])

    return ChosenModel(first, f"openai protocol at {urlsplit(base_url).netloc}")


async def _auto(ollama_here: str, options: _Options) -> LanguageModel:
    name = options.name
    asked = options.ollama(ollama_here, "", "")
    try:
        names = await asked.models(_PROBE_SECONDS)
    except UnavailableError:
        names = []
    finally:
        await asked.close()
    if name and name != MODEL_NAME:
        if name in names or f"{name}:latest" in names:
            return options.ollama(ollama_here, name, "")
        raise UnavailableError(f"ollama at {ollama_here} has no model {name!r} (or is not running)")
    if names and not name:
        return options.ollama(ollama_here, names[0], "")
    return options.bundled()

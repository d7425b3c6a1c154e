"""From the setting `LLM` to a model. Constructs only: nothing is connected or loaded."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.adapters.llm_auto import ChosenModel
from app.adapters.llm_bundled import MODEL_NAME, BundledModel
from app.adapters.llm_ollama import OllamaModel
from app.adapters.llm_openai import OpenAiModel
from app.errors import SettingsError, UnavailableError
from app.ports import LanguageModel

SETTING = "ANSWERLOOP_LLM"
CHOICES = "auto:, bundled:, ollama://host:port, openai+http://host/v1, openai+https://host/v1"
_OLLAMA_HERE = "127.0.0.1:11434"
_OLLAMA_PORT = 11434
_PROBE_SECONDS = 0.5


def open_model(
    url: str,
    model_name: str | None = None,
    api_key: str = "",
    timeout_seconds: float = 120.0,
    *,
    ollama_here: str = _OLLAMA_HERE,
) -> LanguageModel:
    """Return the model that `url` names. Raises SettingsError.

    With `auto:`, and with a server but no `model_name`, the model is chosen by `resolve_model`:
    `auto:` takes a running Ollama (at `ollama_here`) that has `model_name` (or any model), else the
    bundled model; a server gives its first model.
    """
    scheme, _, rest = url.partition(":")
    match scheme:
        case "auto" if not rest:
            return ChosenModel(
                lambda: _auto(ollama_here, model_name, timeout_seconds), "auto: (Ollama or bundled)"
            )
        case "bundled" if not rest:
            return _bundled(model_name, timeout_seconds)
        case "ollama":
            return _ollama(_ollama_host(url), model_name, api_key, timeout_seconds)
        case "openai+http" | "openai+https":
            _host(url)
            base_url = url.removeprefix("openai+")
            return _openai(base_url, model_name, api_key, timeout_seconds)
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


def _bundled(model_name: str | None, timeout_seconds: float) -> BundledModel:
    if model_name not in (None, "", MODEL_NAME):
        raise SettingsError(
            f"bundled: has one model, {MODEL_NAME}: unset ANSWERLOOP_LLM_MODEL",
            name="ANSWERLOOP_LLM_MODEL",
        )
    return BundledModel(timeout_seconds=timeout_seconds)


def _ollama(host: str, name: str | None, api_key: str, timeout_seconds: float) -> LanguageModel:
    if name:
        return OllamaModel(host, name, timeout_seconds, api_key=api_key)

    async def first() -> LanguageModel:
        asked = OllamaModel(host, "", timeout_seconds, api_key=api_key)
        try:
            names = await asked.models()
        finally:
            await asked.close()
        if not names:
            raise UnavailableError(f"{asked.where} has no model: run `ollama pull MODEL`")
        return OllamaModel(host, names[0], timeout_seconds, api_key=api_key)

    return ChosenModel(first, f"ollama at {host}")


def _openai(base_url: str, name: str | None, api_key: str, timeout_seconds: float) -> LanguageModel:
    if name:
        return OpenAiModel(base_url, name, api_key, timeout_seconds)

    async def first() -> LanguageModel:
        asked = OpenAiModel(base_url, "", api_key, timeout_seconds)
        try:
            names = await asked.models()
        finally:
            await asked.close()
        if len(names) != 1:
            raise UnavailableError(
                f"{asked.where} has {len(names)} models: set ANSWERLOOP_LLM_MODEL"
            )
        return OpenAiModel(base_url, names[0], api_key, timeout_seconds)

    return ChosenModel(first, f"openai protocol at {urlsplit(base_url).netloc}")


async def _auto(ollama_here: str, name: str | None, timeout_seconds: float) -> LanguageModel:
    asked = OllamaModel(ollama_here, name or "", timeout_seconds)
    try:
        names = await asked.models(_PROBE_SECONDS)
    except UnavailableError:
        names = []
    finally:
        await asked.close()
    if name and name != MODEL_NAME:
        if name in names or f"{name}:latest" in names:
            return OllamaModel(ollama_here, name, timeout_seconds)
        raise UnavailableError(f"ollama at {ollama_here} has no model {name!r} (or is not running)")
    if names and not name:
        return OllamaModel(ollama_here, names[0], timeout_seconds)
    return BundledModel(timeout_seconds=timeout_seconds)

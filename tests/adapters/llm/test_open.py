"""From the setting to the model: what each URL means, and what is refused."""

from __future__ import annotations

import pytest

from app.adapters.llm.auto import ChosenModel, resolve_model
from app.adapters.llm.bundled import MODEL_NAME, BundledModel
from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.open import open_model
from app.adapters.llm.openai import OpenAiModel
from app.core.failures import CAUSES
from app.core.strategies import prompt_for
from app.errors import LlmFailed, SettingsError, UnavailableError
from app.fake_llm import FakeModelServer, free_port, unaccepting_port


@pytest.mark.parametrize(
    ("url", "kind", "where"),
    [
        ("ollama://host:1234", OllamaModel, "ollama at host:1234"),
        ("ollama://host", OllamaModel, "ollama at host:11434"),
        ("ollama://[::1]:1234", OllamaModel, "ollama at [::1]:1234"),
        ("openai+http://host:8000/v1", OpenAiModel, "openai protocol at host:8000"),
        ("openai+https://api.example.com/v1", OpenAiModel, "openai protocol at api.example.com"),
    ],
)
def test_a_url_names_its_model(url: str, kind: type, where: str) -> None:
    model = open_model(url, "smol", "key")
    assert isinstance(model, kind)
    assert (model.model, model.where) == ("smol", where)


def test_bundled_is_the_bundled_model() -> None:
    model = open_model("bundled:")
    assert isinstance(model, BundledModel)
    assert model.model == MODEL_NAME


@pytest.mark.parametrize(
    "url",
    ["", "ollama", "http://host", "gpt4:", "bundled:x", "auto:x", "openai://host", "Ollama://h"],
)
def test_another_url_is_refused_with_the_choices(url: str) -> None:
    with pytest.raises(SettingsError, match="openai\\+http") as caught:
        open_model(url, "smol")
    assert caught.value.name == "ANSWERLOOP_LLM"


@pytest.mark.parametrize(
    "url", ["ollama://", "ollama://:80", "ollama://h:99999", "openai+http:///v1"]
)
def test_a_url_without_a_usable_host_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="host"):
        open_model(url, "smol")


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        open_model("openai+https://user:canary@host/v1", "smol")
    assert "canary" not in str(caught.value)


def test_bundled_has_one_model() -> None:
    with pytest.raises(SettingsError, match=MODEL_NAME):
        open_model("bundled:", "llama3")


async def test_auto_takes_a_running_ollama() -> None:
    async with FakeModelServer(models=["llama3:latest", "smol:latest"]) as server:
        model = await resolve_model(open_model("auto:", ollama_here=server.host))
        assert isinstance(model, OllamaModel)
        assert model.model == "llama3:latest"
        await model.close()


async def test_auto_takes_the_named_model_of_a_running_ollama() -> None:
    async with FakeModelServer(models=["llama3:latest", "smol:latest"]) as server:
        model = await resolve_model(open_model("auto:", "smol", ollama_here=server.host))
        assert model.model == "smol"
        await model.close()


async def test_auto_without_ollama_is_the_bundled_model() -> None:
    with free_port() as port:
        model = await resolve_model(open_model("auto:", ollama_here=f"127.0.0.1:{port}"))
    assert isinstance(model, BundledModel)


async def test_auto_with_an_ollama_without_models_is_the_bundled_model() -> None:
    async with FakeModelServer(models=[]) as server:
        model = await resolve_model(open_model("auto:", ollama_here=server.host))
    assert isinstance(model, BundledModel)


async def test_auto_does_not_wait_for_a_server_that_says_nothing() -> None:
    with unaccepting_port() as port:
        model = await resolve_model(open_model("auto:", ollama_here=f"127.0.0.1:{port}"))
    assert isinstance(model, BundledModel)


async def test_auto_with_a_name_that_nobody_has_is_unavailable() -> None:
    with free_port() as port:
        model = open_model("auto:", "llama3", ollama_here=f"127.0.0.1:{port}")
        with pytest.raises(UnavailableError, match="llama3"):
            await model.check()
        with pytest.raises(LlmFailed) as caught:
            await model.answer(prompt_for("Why?", 1))
    assert caught.value.cause is CAUSES["refused"]


async def test_a_server_without_a_named_model_gives_its_own() -> None:
    async with FakeModelServer(models=["smol:latest"]) as server:
        for url in (f"ollama://{server.host}", f"openai+{server.url}/v1"):
            model = open_model(url)
            assert isinstance(model, ChosenModel)
            with pytest.raises(UnavailableError, match="not chosen yet"):
                _ = model.model
            assert "Why?" in (await model.answer(prompt_for("Why?", 1))).text
            assert model.model == "smol:latest"
            await model.close()


async def test_an_openai_server_with_many_models_needs_a_name() -> None:
    async with FakeModelServer(models=["a", "b"]) as server:
        with pytest.raises(UnavailableError, match="ANSWERLOOP_LLM_MODEL"):
            await resolve_model(open_model(f"openai+{server.url}/v1"))

"""What model servers are told: the prompt, and no key but the one that is set."""

from __future__ import annotations

import pytest

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.core.strategies import Prompt, prompt_for
from app.errors import UnavailableError
from app.fake_llm import Step
from app.ports import LanguageModel
from tests.adapters.llm.wire import KEY, QUESTION, Wire


async def test_the_request_says_what_the_prompt_says(wire: Wire) -> None:
    model = wire.open_at(wire.server.host, 10.0)
    await model.answer(Prompt("", QUESTION, 0.25, 77, 99))
    await model.answer(Prompt("Be brief.", QUESTION, 0.5, 78, 98))
    await model.close()
    first, second = wire.server.calls
    assert (first.temperature, first.seed, first.max_tokens) == (0.25, 77, 99)
    assert first.system == (None if wire.protocol == "ollama" else "")
    assert second.system == "Be brief."
    assert first.authorization == f"Bearer {KEY}"


async def test_keys_in_the_environment_are_not_sent(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "stray")
    monkeypatch.setenv("OPENAI_API_KEY", "stray")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    model: LanguageModel
    if wire.protocol == "ollama":
        model = OllamaModel(wire.server.host, "smol", 10.0)
    else:
        model = OpenAiModel(f"{wire.server.url}/v1", "smol", "", 10.0)
    await model.answer(prompt_for(QUESTION, 1))
    await model.close()
    assert wire.server.calls[0].authorization is None


async def test_a_server_that_repeats_the_key_does_not_get_it_into_the_error(wire: Wire) -> None:
    failure = await wire.outcome(
        Step(status=401, body=f'{{"error": {{"message": "bad key {KEY}\\u001b[2J"}}}}')
    )
    assert "***" in failure.detail
    assert "\x1b" not in failure.detail


async def test_check_misses_a_model_that_the_server_does_not_have(wire: Wire) -> None:
    wire.server.models = ["other:latest"]
    model = wire.open_at(wire.server.host, 10.0)
    with pytest.raises(UnavailableError, match="smol"):
        await model.check()
    await model.close()

"""The real Ollama server, built from source, asked through our adapters (`make test-ollama`)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.llm.auto import resolve_model
from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.open import open_model
from app.adapters.llm.openai import OpenAiModel
from app.core.failures import CAUSES
from app.core.strategies import Prompt, prompt_for
from app.errors import LlmFailed, UnavailableError
from app.ports import ModelAnswer
from tests.servers import require
from tests.servers.ollama import MODEL, OllamaServer, build_ollama

pytestmark = [
    pytest.mark.ollama,
    pytest.mark.timeout(1800),  # the first run builds the server
    pytest.mark.skipif(
        os.environ.get("ANSWERLOOP_TEST_OLLAMA") != "1", reason="make test-ollama runs these"
    ),
]

FRANCE = "What is the capital of France?"
SECONDS = 120.0


@pytest.fixture(scope="module")
def binary() -> Path:
    return require(build_ollama)


@pytest.fixture
async def server(binary: Path, tmp_path: Path) -> AsyncIterator[OllamaServer]:
    server = OllamaServer(binary, tmp_path / "ollama", max_queue=1)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


async def test_it_answers_over_its_own_protocol(server: OllamaServer) -> None:
    model = OllamaModel(server.host, MODEL, SECONDS)
    assert MODEL in await model.check()
    answer = await model.answer(prompt_for(FRANCE, 1))
    assert answer.text.strip()
    assert answer.tokens is not None
    assert answer.tokens > 0
    await model.close()


async def test_it_answers_over_the_openai_protocol(server: OllamaServer) -> None:
    model = OpenAiModel(f"http://{server.host}/v1", MODEL, "", SECONDS)
    await model.check()
    assert "Paris" in (await model.answer(prompt_for(FRANCE, 1))).text
    await model.close()


async def test_busy_while_it_loads_the_model_it_is_overloaded(server: OllamaServer) -> None:
    model = OllamaModel(server.host, MODEL, SECONDS)
    calls = [model.answer(Prompt("", FRANCE, 0.0, 1, 8)) for _ in range(12)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    await model.close()
    failures = [result for result in results if isinstance(result, LlmFailed)]
    assert failures
    assert {failure.cause for failure in failures} == {CAUSES["overloaded"]}
    assert {failure.status for failure in failures} == {503}
    assert {failure.detail for failure in failures} == {
        "server busy, please try again.  maximum pending requests exceeded"
    }
    assert sum(isinstance(result, ModelAnswer) for result in results) >= 1


async def test_an_unknown_model_is_not_found(server: OllamaServer) -> None:
    for model in (
        OllamaModel(server.host, "nope", SECONDS),
        OpenAiModel(f"http://{server.host}/v1", "nope", "", SECONDS),
    ):
        with pytest.raises(LlmFailed) as caught:
            await model.answer(prompt_for(FRANCE, 1))
        assert caught.value.cause is CAUSES["model_not_found"]
        with pytest.raises(UnavailableError, match="nope"):
            await model.check()
        await model.close()


async def test_an_answer_has_at_most_the_tokens_that_were_asked_for(server: OllamaServer) -> None:
    model = OllamaModel(server.host, MODEL, SECONDS)
    answer = await model.answer(Prompt("", "Tell me a long story.", 0.5, 1, 5))
    assert (answer.tokens, answer.finish_reason) == (5, "length")
    await model.close()


async def test_a_call_ends_with_its_time_and_the_server_goes_on(server: OllamaServer) -> None:
    hasty = OllamaModel(server.host, MODEL, 0.05)
    with pytest.raises(LlmFailed) as caught:
        await hasty.answer(Prompt("", "Tell me a long story.", 0.5, 1, 400))
    assert caught.value.cause is CAUSES["timeout"]
    await hasty.close()
    model = OllamaModel(server.host, MODEL, SECONDS)
    assert (await model.answer(prompt_for(FRANCE, 1))).text.strip()
    await model.close()


async def test_auto_finds_it(server: OllamaServer) -> None:
    model = await resolve_model(open_model("auto:", ollama_here=server.host))
    assert model.where == f"ollama at {server.host}"
    assert model.model == f"{MODEL}:latest"
    await model.close()


async def test_stopped_it_is_refused(server: OllamaServer) -> None:
    await asyncio.to_thread(server.stop)
    model = OllamaModel(server.host, MODEL, SECONDS)
    with pytest.raises(LlmFailed) as caught:
        await model.answer(prompt_for(FRANCE, 1))
    assert caught.value.cause is CAUSES["refused"]
    await model.close()

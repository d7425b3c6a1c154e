"""What every LanguageModel promises. Run on the scripted twin and on each real adapter.

A test module has a fixture `rig` that gives a Rig for one adapter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.core.failures import CAUSES
from app.core.strategies import Prompt, prompt_for
from app.errors import LlmFailed, LlmOverloaded, LlmQuotaExceeded, LlmRejected
from app.ports import LanguageModel

FRANCE = "What is the capital of France?"
SPAIN = "What is the capital of Spain?"


@dataclass
class Rig:
    """A model and a way to script it: `fail(question, cause)` makes its next call fail."""

    model: LanguageModel
    fail: Callable[[str, str], None] | None = None


class LlmContract:
    """Inherit, and give a fixture `rig`."""

    async def test_it_answers_with_text_model_and_time(self, rig: Rig) -> None:
        answer = await rig.model.answer(prompt_for(FRANCE, 1))
        assert "Paris" in answer.text
        assert answer.model == rig.model.model
        assert answer.seconds >= 0
        assert answer.tokens is not None
        assert answer.tokens > 0
        assert answer.finish_reason == "stop"

    async def test_it_names_itself_and_its_place_without_secrets(self, rig: Rig) -> None:
        assert rig.model.model
        assert rig.model.where
        assert "canary" not in f"{rig.model.where} {rig.model!r} {vars(rig.model).keys()}"

    async def test_check_says_that_it_is_there(self, rig: Rig) -> None:
        assert rig.model.model in await rig.model.check()

    async def test_calls_at_the_same_time_get_their_own_answers(self, rig: Rig) -> None:
        questions = [FRANCE, SPAIN] * 3
        answers = await asyncio.gather(
            *(rig.model.answer(prompt_for(question, 1)) for question in questions)
        )
        for question, answer in zip(questions, answers, strict=True):
            assert ("Paris" if question == FRANCE else "Madrid") in answer.text

    async def test_the_same_prompt_at_temperature_0_gives_the_same_answer(self, rig: Rig) -> None:
        first, second = [await rig.model.answer(prompt_for(FRANCE, 1)) for _ in range(2)]
        assert first.text == second.text

    async def test_a_cancelled_call_leaves_the_model_usable(self, rig: Rig) -> None:
        calls = [asyncio.create_task(rig.model.answer(prompt_for(FRANCE, 1))) for _ in range(4)]
        await asyncio.sleep(0)
        calls[0].cancel()
        calls[2].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert isinstance(results[2], asyncio.CancelledError)
        assert "Paris" in results[1].text
        assert "Paris" in results[3].text

    async def test_text_that_utf8_does_not_know_is_asked_all_the_same(self, rig: Rig) -> None:
        answer = await rig.model.answer(Prompt("", f"\ud800\x00 {FRANCE}", 0.0, 1))
        answer.text.encode()

    async def test_closing_twice_is_harmless(self, rig: Rig) -> None:
        await rig.model.close()
        await rig.model.close()


class LlmFailureContract:
    """Inherit too where failures can be scripted."""

    @pytest.mark.parametrize(
        ("cause", "kind"),
        [
            ("overloaded", LlmOverloaded),
            ("rate_limited", LlmQuotaExceeded),
            ("bad_request", LlmRejected),
            ("model_not_found", LlmRejected),
        ],
    )
    async def test_a_failure_has_the_type_of_its_route(
        self, rig: Rig, cause: str, kind: type[LlmFailed]
    ) -> None:
        assert rig.fail is not None
        rig.fail(FRANCE, cause)
        with pytest.raises(kind) as caught:
            await rig.model.answer(prompt_for(FRANCE, 1))
        assert caught.value.cause is CAUSES[cause]

    async def test_one_call_is_one_try_and_the_next_call_may_work(self, rig: Rig) -> None:
        assert rig.fail is not None
        rig.fail(FRANCE, "overloaded")
        with pytest.raises(LlmOverloaded):
            await rig.model.answer(prompt_for(FRANCE, 1))
        assert "Paris" in (await rig.model.answer(prompt_for(FRANCE, 1))).text


def capital(question: str) -> str:
    """The answers that the contract expects of a scripted model."""
    return "The capital is Paris." if "France" in question else "The capital is Madrid."

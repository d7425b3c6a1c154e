"""What a reply says of itself is kept only where it can be true: an answer was paid for."""

from __future__ import annotations

import pytest

from app.adapters.llm.call import MAX_PLAUSIBLE_TOKENS, Reply, Server, answer_once
from app.wire import WireGate
from models.questions import LlmAnswer


@pytest.mark.parametrize(
    ("told", "kept"),
    [(-1, None), (0, 0), (MAX_PLAUSIBLE_TOKENS, MAX_PLAUSIBLE_TOKENS), (10**18, None)],
)
async def test_a_count_of_tokens_that_no_server_can_mean_is_not_known(
    told: int, kept: int | None
) -> None:
    async def reply() -> Reply:
        return Reply("Sí", "m", tokens=told, prompt_tokens=told)

    answer = await answer_once(reply, timeout_seconds=5, server=Server("ollama", "here:1"))
    assert (answer.tokens, answer.prompt_tokens, answer.text) == (kept, kept, "Sí")


@pytest.mark.parametrize("reason", ["x" * 5_000, "st\0op", "\ud800"])
async def test_an_odd_reason_of_the_end_fits_its_record(reason: str) -> None:
    async def reply() -> Reply:
        return Reply("Sí", "m", finish_reason=reason)

    answer = await answer_once(reply, timeout_seconds=5, server=Server("ollama", "here:1"))
    assert answer.finish_reason is not None
    record = LlmAnswer(
        question_id="q",
        question_text="¿Qué?",
        model="m",
        accepted_at=1.7e9,
        answered_at=1.7e9,
        answer=answer.text,
        seconds=answer.seconds,
        finish_reason=answer.finish_reason,
    )
    assert WireGate(LlmAnswer).encode(record)

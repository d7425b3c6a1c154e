"""`Idempotency-Key`: one question for one key, whoever posts it how often."""

from __future__ import annotations

import asyncio

import pytest

from app.core.identity import idempotent_id
from app.core.lifecycle import Status
from tests.flow.engine import make_ports
from tests.web.client import serving

ASK = {"question_text": "Why?", "original_answer": "An answer", "metadata": {"a": [1]}}


async def test_a_hundred_posts_with_one_key_are_one_question_one_row_and_one_call() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        answers = await asyncio.gather(*(api.query(ASK, key="k1", wait=30) for _ in range(100)))
        await api.engine.idle()
    assert {status for status, _ in answers} == {200}
    assert {row["question_id"] for _, row in answers} == {idempotent_id("k1")}
    assert len(ports.model.calls) == 1
    assert await ports.store.counts() == {Status.VALIDATED: 1}


@pytest.mark.parametrize(
    "other",
    [
        {"question_text": "Who?"},
        {"original_answer": "Another"},
        {"original_answer": None},
        {"metadata": {"a": [2]}},
        {"metadata": {}},
    ],
)
async def test_a_key_that_comes_with_another_body_is_refused(other: dict[str, object]) -> None:
    async with serving() as api:
        assert (await api.query(ASK, key="k1", wait=30))[0] == 200
        status, body = await api.query({**ASK, **other}, key="k1")
        assert (await api.query(ASK, key="k1"))[0] == 200
    assert (status, body["error"]["field"]) == (422, "Idempotency-Key")


async def test_different_keys_are_different_questions() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        ids = {(await api.query(ASK, key=key, wait=30))[1]["question_id"] for key in ("a", "b")}
    assert (len(ids), len(ports.model.calls)) == (2, 2)


@pytest.mark.parametrize(("key", "status"), [("x" * 255, 202), ("x" * 256, 422), ("", 422)])
async def test_a_key_has_1_to_255_characters(key: str, status: int) -> None:
    async with serving() as api:
        assert (await api.query(ASK, key=key))[0] == status

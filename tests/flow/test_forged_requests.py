"""Requests that no stage would write: beyond the limits of generations and attempts."""

from __future__ import annotations

import pytest

from app.core.lifecycle import Status
from models.questions import LlmRequest
from tests.flow.engine import make_ports, question, running


@pytest.mark.parametrize("forged", [{"generation": 4}, {"attempt": 12}, {"generation": 10_000}])
async def test_t6_a_forged_request_beyond_the_limits_becomes_no_call(
    forged: dict[str, int],
) -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("Again and again?")
        request = LlmRequest(**{**asked.carried(), **forged})
        await engine.send(engine.names.llm_requests, request)
        row = await engine.final(asked.question_id)
        await engine.idle()
    assert (row.status, row.cause) == (Status.DEAD, "anti_cycle")
    assert ports.model.calls == []


async def test_the_last_attempt_that_the_retries_allow_is_no_forgery() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("The last time?")
        last = LlmRequest(**{**asked.carried(), "generation": 3, "attempt": 11})
        await engine.send(engine.names.llm_requests, last)
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
